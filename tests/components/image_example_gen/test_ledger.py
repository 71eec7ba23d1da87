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


def test_other_settings_start_anew(tmp_path: Path) -> None:
    save_ledger(str(tmp_path), "m", run(MANY[:20], empty_ledger(CONFIG)).ledger)
    assert len(load_ledger(str(tmp_path), "m", CONFIG)) == 20
    assert len(load_ledger(str(tmp_path), "m", IngestConfig(seed=3))) == 0
    assert len(load_ledger("", "m", CONFIG)) == 0
    assert len(load_ledger(str(tmp_path), "other", CONFIG)) == 0


def test_a_damaged_ledger_is_not_silently_replaced(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / LEDGER_FILE).write_bytes(b"half a")
    with pytest.raises(UserError, match="cannot be read"):
        load_ledger(str(tmp_path), "m", CONFIG)
