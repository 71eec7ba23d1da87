"""What a person does wrong: each gets a sentence, an exit code and no traceback, before TFX is loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.imagemill.cli_process import imagemill
from tests.imagemill.photos import write_photos
from trainer.errors import ExitCode


def _refused(*args: str | Path, cwd: Path, code: ExitCode = ExitCode.USAGE) -> str:
    done = imagemill(*args, cwd=cwd, timeout=120)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(r"What to do: \w+", done.stderr), done.stderr
    return done.stderr


def test_missing_path(tmp_path: Path):
    assert str(tmp_path / "nowhere") in _refused("run", tmp_path / "nowhere", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_empty_folder(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    assert "photos" in _refused("run", "photos", cwd=tmp_path)


def test_one_class(tmp_path: Path):
    write_photos(tmp_path / "photos", {"cat": 3})
    message = _refused("run", "photos", cwd=tmp_path)
    assert "cat" in message
    assert "class" in message


def test_two_images(tmp_path: Path):
    write_photos(tmp_path / "photos", {"cat": 1, "dog": 1})
    message = _refused("run", "photos", "--weights", "none", cwd=tmp_path)
    assert "2 images" in message


def test_unwritable_output(tmp_path: Path):
    write_photos(tmp_path / "photos", {"cat": 3, "dog": 3})
    (tmp_path / "file").touch()
    message = _refused("run", "photos", "--output", "file/out", cwd=tmp_path)
    assert "cannot write to the output folder" in message
    assert "file/out" in message


def test_output_among_the_photos(tmp_path: Path):
    write_photos(tmp_path, {"cat": 3, "dog": 3})
    assert "lies inside the folder of photos" in _refused("run", ".", cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat", "dog"]


def test_unknown_key(tmp_path: Path):
    (tmp_path / "c.yaml").write_text("name: m\ndata: {root: photos}\ntrain: {epoch: 3}\n")
    message = _refused("run", "--config", "c.yaml", cwd=tmp_path)
    assert "unknown key `train.epoch`; did you mean `epochs`?" in message


def test_wrong_type(tmp_path: Path):
    (tmp_path / "c.yaml").write_text("name: m\ndata: {root: photos}\ntrain: {epochs: lots}\n")
    assert "received 'lots'" in _refused("run", "--config", "c.yaml", cwd=tmp_path)


@pytest.mark.parametrize("flag", [("--alpha", "0.3"), ("--set", "train.label_mode=words")])
def test_value_out_of_range(tmp_path: Path, flag: tuple[str, str]):
    write_photos(tmp_path / "photos", {"cat": 3, "dog": 3})
    message = _refused("run", "photos", *flag, cwd=tmp_path)
    assert "in the command line: `train." in message


def test_init_writes_a_config_that_init_does_not_overwrite(tmp_path: Path):
    write_photos(tmp_path / "my photos", {"cat": 3, "dog": 3})
    done = imagemill("init", "my photos", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "6 images in 2 classes (cat, dog)" in done.stdout
    text = (tmp_path / "my-photos.yaml").read_text()
    assert '\n  root: "my photos"\n' in text
    assert "exists already" in _refused("init", "my photos", cwd=tmp_path)
    assert (tmp_path / "my-photos.yaml").read_text() == text
