"""Where the data beside the project is: real photos, weights, broken images; never part of the repo."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2] / "shared"


def shared_path(relative: str) -> Path:
    """The path of `../shared/<relative>`; skips the calling test where it is missing, except in CI."""
    path = Path(os.environ.get("IMAGEMILL_SHARED", _ROOT)) / relative
    if path.exists():
        return path
    reason = f"{path} is missing: this test needs the data beside the project"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
