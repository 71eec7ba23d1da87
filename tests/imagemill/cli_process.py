"""Runs the real command in a process of its own, as a person would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment() -> dict[str, str]:
    """The environment of a person at a dumb terminal, with our rooms on the path."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "120"}


def imagemill(
    *args: str | Path, cwd: Path, timeout: float = 540
) -> subprocess.CompletedProcess[str]:
    """Runs `imagemill ARGS` in `cwd`."""
    return subprocess.run(
        [sys.executable, "-m", "imagemill", *map(str, args)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
