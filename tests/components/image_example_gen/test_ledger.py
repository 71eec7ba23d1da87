from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.ledger import LEDGER_FILE, empty_ledger, load_ledger, save_ledger
from tests.components.image_example_gen.test_assign import MANY, run
from trainer.errors import UserError

CONFIG = IngestConfig()


def test_a_ledger_comes_back_as_it_was_and_is_written_once(tmp_path: Path) -> None:
    ledger = run(MANY[:20], empty_ledger(CONFIG)).ledger
    save_ledger(str(tmp_path), "m", ledger)
    file = tmp_path / "m" / LEDGER_FILE
    written = file.stat().st_mtime_ns
    save_ledger(str(tmp_path), "m", ledger)
    again = load_ledger(str(tmp_path), "m", CONFIG)
    assert file.stat().st_mtime_ns == written
    assert list(tmp_path.glob("m/*")) == [file]
    for name in ("sha256", "phash", "thumbnail", "split", "since", "moved_from"):
        np.testing.assert_array_equal(getattr(again, name), getattr(ledger, name))


def test_other_settings_deal_anew_all_but_the_test_images(tmp_path: Path) -> None:
    first = run(MANY, empty_ledger(CONFIG))
    save_ledger(str(tmp_path), "m", first.ledger)
    assert len(load_ledger(str(tmp_path), "m", CONFIG)) == 400
    other = IngestConfig(seed=3)
    kept = load_ledger(str(tmp_path), "m", other)
    tested = {
        image.sha256 for image, split in zip(MANY, first.splits, strict=True) if split == "test"
    }
    assert {bytes(sha).decode() for sha in kept.sha256} == tested
    again = run(MANY, kept, other).splits
    assert all(again[at] == "test" for at, split in enumerate(first.splits) if split == "test")
    assert again != first.splits
    assert len(load_ledger("", "m", CONFIG)) == 0
    assert len(load_ledger(str(tmp_path), "other", CONFIG)) == 0


def test_a_damaged_ledger_is_not_silently_replaced(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / LEDGER_FILE).write_bytes(b"half a")
    with pytest.raises(UserError, match="cannot be read"):
        load_ledger(str(tmp_path), "m", CONFIG)
