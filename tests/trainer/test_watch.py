from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainer import watch


def test_training_goes_on_without_tensorboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch.importlib.util, "find_spec", lambda _name: None)
    made = watch.Watch(str(tmp_path))
    made.epoch({"loss": 1.0}, 3)
    made.finish([{"loss": 1.0}], temperature=1.5)
    assert "`tensorboard` is not installed" in caplog.text
    assert json.loads((tmp_path / "history.json").read_text()) == {
        "epochs": [{"loss": 1.0}],
        "temperature": 1.5,
    }
