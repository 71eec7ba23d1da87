"""One run at a time in one output folder, also across processes and after a crash.

The lock is the operating system's (`flock`): it goes with its process, so there is never a stale one to remove.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.errors import UserError


class BusyError(UserError):
    """Another run is using the output folder."""


def is_held(path: Path) -> bool:
    """Whether a process holds the lock on `path`."""
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


@contextmanager
def run_lock(path: Path) -> Iterator[None]:
    """Holds an exclusive lock on `path` for the body.

    Raises:
      BusyError: another process holds it; names its process id.
    """
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise BusyError(
                f"another run (process {file.read().strip() or 'unknown'}) is using {str(path.parent)!r}",
                fix="wait for it to end, or choose another folder with `--output DIR`",
            ) from None
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
