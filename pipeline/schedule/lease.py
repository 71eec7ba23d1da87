"""A lock for registries on an object store: an object that says who schedules and until when.

    lease = Lease(config)
    with lease.kept(lost=stop.set):
        ...

Object stores have no locks, but today's list what was written before. So whoever wants the lease writes an object of
its own, then lists: where another live one is there, it withdraws. Of two that come at once at least one sees the
other; both may withdraw, never both stay. The object is renewed while its scheduler lives and is dead `LIFE` after the
last renewal, or at once where it names a process of this machine that is gone. Clocks of the machines must agree to
within a minute or so.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import posixpath
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import Field, ValidationError

from components.model_pusher.storage import Storage, normal, storage_for
from pipeline.config import Config
from pipeline.recorded import Clock, utc_now
from trainer.settings import Settings

LIFE = datetime.timedelta(minutes=5)
RENEWED_EVERY = 30.0
_FOLDER = posixpath.join(".registry", "scheduler")
_LOGGER = logging.getLogger(__name__)


class Claim(Settings):
    """Content of the object."""

    time: datetime.datetime = Field(description="When it was last renewed, UTC.")
    host: str = Field(description="The machine.")
    pid: int = Field(description="The process on it.")
    space: str = Field(
        "", description="What tells machines and containers of one name apart: boot and pid space."
    )

    @property
    def text(self) -> str:
        """Who, for people."""
        return f"process {self.pid} on {self.host}"

    def alive(self, now: datetime.datetime) -> bool:
        """Whether its process may still be at work."""
        here = bool(self.space) and self.space == process_space()
        return now - self.time < LIFE and not (here and not Path(f"/proc/{self.pid}").exists())


class Lease:
    """The lease on the scheduling of one model.

    Args:
      config: names the registry.
      now: the time; tests set it.
      storage: for tests.
    """

    def __init__(
        self, config: Config, now: Clock = utc_now, storage: Storage | None = None
    ) -> None:
        root = normal(config.registry_root)
        self._storage = storage or storage_for(root)
        self._folder = posixpath.join(root, config.name, _FOLDER)
        self._mine = posixpath.join(self._folder, f"{uuid.uuid4().hex}.json")
        self._now = now
        self._renewed = now()

    def holder(self) -> str:
        """Who else holds it, in words; "" where nobody does."""
        return next((claim.text for claim in self._others().values() if self._alive(claim)), "")

    def take(self) -> bool:
        """Takes it unless somebody else has it."""
        if self.holder():
            return False
        self._write()
        if self.holder():
            self.release()
            return False
        for path, claim in self._others().items():
            if not self._alive(claim):
                self._storage.delete(path)
        return True

    def renew(self) -> bool:
        """Prolongs it; False where it was lost: this process slept, or did not reach the store, for too long."""
        if self._now() - self._renewed >= LIFE and self.holder():
            return False
        self._write()
        return True

    def release(self) -> None:
        """Gives it up."""
        self._storage.delete(self._mine)

    @contextlib.contextmanager
    def kept(self, lost: Callable[[], None]) -> Iterator[None]:
        """Renews it in the background for the body, then gives it up.

        Args:
          lost: called, once, where it could not be kept.
        """
        over = threading.Event()
        renewing = threading.Thread(target=self._keep, args=(over, lost), daemon=True)
        renewing.start()
        try:
            yield
        finally:
            over.set()
            renewing.join()
            self._give_up()

    def _give_up(self) -> None:
        try:
            self.release()
        except Exception as error:
            _LOGGER.warning("the scheduler's lease could not be given up, it runs out: %s", error)

    def _keep(self, over: threading.Event, lost: Callable[[], None]) -> None:
        while not over.wait(RENEWED_EVERY):
            try:
                kept = self.renew()
            except Exception as error:
                _LOGGER.warning("could not renew the scheduler's lease: %s", error)
                kept = self._now() - self._renewed < LIFE
            if not kept:
                _LOGGER.error("another scheduler has taken over, or the registry is out of reach")
                lost()
                return

    def _write(self) -> None:
        now = self._now()
        claim = Claim(time=now, host=socket.gethostname(), pid=os.getpid(), space=process_space())
        self._storage.write(self._mine, claim.model_dump_json().encode())
        self._renewed = now

    def _alive(self, claim: Claim) -> bool:
        return claim.alive(self._now())

    def _others(self) -> dict[str, Claim]:
        found = {}
        for path in self._storage.glob(self._folder, "*.json"):
            # One that was withdrawn since, or is no claim, is nobody's.
            with contextlib.suppress(OSError, ValidationError):
                if path != self._mine:
                    found[path] = Claim.model_validate_json(self._storage.read(path))
        return found


def process_space() -> str:
    """Where a process id means something: this boot of this machine, in this container; "" where not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
