from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainer import checkpoint


def _save(folder: Path, step: int) -> Path:
    arrays = {"a": np.full(1000, step, np.float32), "b/0": np.array(3)}
    return Path(checkpoint.save(str(folder), step=step, arrays=arrays, facts={"waited": step}))


def test_gives_back_what_was_saved(tmp_path: Path) -> None:
    _save(tmp_path, 7)
    state = checkpoint.load_latest(str(tmp_path))
    assert state is not None
    assert (state.step, state.facts) == (7, {"waited": 7})
    np.testing.assert_array_equal(state.arrays["a"], np.full(1000, 7, np.float32))
    assert set(state.arrays) == {"a", "b/0"}


def test_none_where_there_is_none(tmp_path: Path) -> None:
    assert checkpoint.load_latest(str(tmp_path / "nothing")) is None


def test_keeps_the_newest_two(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        _save(tmp_path, step)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "step-000000010.ckpt",
        "step-000000100.ckpt",
    ]


@pytest.mark.parametrize("damage", ["cut", "empty", "flip", "header", "foreign"])
def test_a_torn_file_is_passed_over(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    _save(tmp_path, 1)
    newest = _save(tmp_path, 2)
    whole = newest.read_bytes()
    newest.write_bytes(
        {
            "cut": whole[:-100],
            "empty": b"",
            "flip": whole[:-50] + bytes([whole[-50] ^ 1]) + whole[-49:],
            "header": whole[:40],
            "foreign": b"PK\x03\x04" + whole,
        }[damage]
    )
    state = checkpoint.load_latest(str(tmp_path))
    assert state is not None
    assert state.step == 1
    assert "is torn" in caplog.text


def test_a_half_written_temporary_file_is_not_looked_at(tmp_path: Path) -> None:
    path = _save(tmp_path, 1)
    (tmp_path / (path.name + ".writing-99")).write_bytes(b"half")
    state = checkpoint.load_latest(str(tmp_path))
    assert state is not None
    assert state.step == 1
