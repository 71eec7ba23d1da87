from __future__ import annotations

from pathlib import Path

import pytest

from tests.trainer.records import coloured, write_examples


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four colours: 96 train, 32 val and 32 test images."""
    splits = {"train": coloured(96, 4, 0), "val": coloured(32, 4, 1), "test": coloured(32, 4, 2)}
    return write_examples(
        tmp_path_factory.mktemp("examples"), ["blue", "green", "red", "yellow"], splits
    )
