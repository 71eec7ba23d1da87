"""One run in a process of its own, so that nothing that happens to it happens to the scheduler.

child = Child(["python", "-m", "imagemill", "run", ...], log)
child.wait(), child.stop(90)
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

_KEPT_LOGS = 50


class Child:
    """A started run.

    It leads a session of its own: Ctrl-C in the scheduler's terminal does not reach it, and it lives on
    where the scheduler is killed.

    Args:
      command: program and arguments.
      log: file that takes its output.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        for old in sorted(log.parent.glob("*.log"))[: -_KEPT_LOGS + 1]:
            old.unlink(missing_ok=True)
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait(self) -> int:
        """Waits for its end; returns the exit code, negative for a signal."""
        return self._process.wait()

    def stop(self, seconds: float) -> None:
        """Asks it to stop; after `seconds` it is killed, with all that it started."""
        self._signal(signal.SIGTERM, group=False)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL, group=True)
            self._process.wait()

    def _signal(self, number: signal.Signals, *, group: bool) -> None:
        if self._process.poll() is not None:
            return
        try:
            if group:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)
        except ProcessLookupError:
            pass


def last_words(log: Path, code: int) -> str:
    """Why a run ended badly, from its output or its exit code."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = [
        line.strip() for line in lines if line.startswith(("Error: ", "Internal error: ", "Step «"))
    ]
    if told:
        return told[-1][:300]
    if code < 0:
        return f"the process was killed by {signal.Signals(-code).name}"
    return f"the process exited with {code}"
