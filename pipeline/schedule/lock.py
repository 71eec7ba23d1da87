"""One scheduler a registry: the second is refused, or waits to take over.

    with scheduler_lock(config):
        ...

For a registry on a disk the lock is the operating system's, in the registry itself, so that it goes with its process
however that ends, and holds between machines that share the disk where locks do (NFSv4). An object store has no locks:
there the lock is a file in the output folder, which keeps out a second scheduler on this machine only.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from components.model_pusher.storage import is_remote, normal
from pipeline.config import Config
from trainer.errors import UserError


def lock_path(config: Config) -> Path:
    """The file that the scheduler of this config locks."""
    if is_remote(config.registry_root):
        return Path(config.output, config.name, "schedule", "lock")
    return Path(normal(config.registry_root), config.name, ".registry", "schedule.lock")


@contextmanager
def scheduler_lock(
    config: Config, *, standby: bool = False, stopped: Callable[[], bool] = lambda: False
) -> Iterator[bool]:
    """Holds the lock for the body; yields False where waiting for it was given up.

    Args:
      config: names the registry.
      standby: wait until the lock is free rather than give up.
      stopped: asked twice a second while waiting.

    Raises:
      UserError: another scheduler holds it, and `standby` is False.
    """
    path = lock_path(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        while not _take(file):
            if not standby:
                raise UserError(
                    f"another scheduler ({holder(path) or 'unknown'}) serves {config.name!r} in "
                    f"{config.registry_root!r}",
                    fix="leave it to that one, stop it, or wait for it with --standby",
                )
            if stopped():
                yield False
                return
            time.sleep(0.5)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield True


def holder(path: Path) -> str:
    """Who holds the lock, in words; "" where nobody does."""
    try:
        with path.open("r+") as file:
            if _take(file):
                return ""
            return file.read().strip() or "unknown"
    except FileNotFoundError:
        return ""


def _take(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
