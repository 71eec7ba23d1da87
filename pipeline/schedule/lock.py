"""One scheduler a registry: the second is refused, or waits to take over.

    with scheduler_lock(config):
        ...

For a registry on a disk the lock is the operating system's, in the registry itself, so that it goes with its process
however that ends, and holds between machines that share the disk where locks do (NFSv4). An object store has no locks:
there a lock in the output folder keeps out a second scheduler on this machine, and a lease those on others.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from components.model_pusher.storage import is_remote, normal
from pipeline.config import Config
from pipeline.schedule.lease import Lease
from trainer.errors import UserError

_POLL = 0.5
_POLL_STORE = 10.0


def lock_path(config: Config) -> Path:
    """The file that the scheduler of this config locks."""
    if is_remote(config.registry_root):
        return Path(config.output, config.name, "schedule", "lock")
    return Path(normal(config.registry_root), config.name, ".registry", "schedule.lock")


@contextlib.contextmanager
def scheduler_lock(
    config: Config,
    *,
    standby: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    lost: Callable[[], None] = lambda: None,
) -> Iterator[bool]:
    """Holds the lock for the body; yields False where waiting for it was given up.

    Args:
      config: names the registry.
      standby: wait until the lock is free rather than give up.
      stopped: asked now and then while waiting.
      lost: called where a lease could not be kept; the body should then end.

    Raises:
      UserError: another scheduler holds it, and `standby` is False.
    """
    path = lock_path(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    lease = Lease(config) if is_remote(config.registry_root) else None
    with path.open("a+") as file:
        while not (_take(file) and (lease is None or lease.take())):
            if not standby:
                raise UserError(
                    f"another scheduler ({who_schedules(config) or 'unknown'}) serves {config.name!r} "
                    f"in {config.registry_root!r}",
                    fix="leave it to that one, stop it, or wait for it with --standby",
                )
            if stopped():
                yield False
                return
            time.sleep(_POLL if lease is None else _POLL_STORE)
        with lease.kept(lost) if lease else contextlib.nullcontext():
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            file.flush()
            yield True


def who_schedules(config: Config) -> str:
    """Who schedules this model, on this machine or, for a registry on an object store, on any; "" for nobody."""
    here = holder(lock_path(config))
    if not is_remote(config.registry_root):
        return here
    return Lease(config).holder() or here


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
