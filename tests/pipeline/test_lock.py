"""One run at a time in an output folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.lock import run_lock
from trainer.errors import UserError

_HOLD = (
    "import sys,time;from pathlib import Path;from pipeline.lock import run_lock\n"
    "with run_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
)


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path: Path):
    lock, mine = tmp_path / "l", str(os.getpid())
    with run_lock(lock), pytest.raises(UserError, match=mine), run_lock(lock):
        pass


def test_a_killed_holder_leaves_no_stale_lock(tmp_path: Path):
    command = [sys.executable, "-c", _HOLD, str(tmp_path / "l")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match=str(holder.pid)), run_lock(tmp_path / "l"):
            pass
        holder.kill()
        holder.wait()
    with run_lock(tmp_path / "l"):
        assert (tmp_path / "l").read_text() == f"{os.getpid()}\n"
