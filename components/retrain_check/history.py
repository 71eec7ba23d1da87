"""The registry's history: one JSON line for every check and every run, never changed afterwards.

    history = History("registry", "scenes")
    history.append(Event(kind="check", retrain=False, reason="nothing changed"))
    history.events()[-1].reason

On a disk the lines are in `<root>/<name>/.registry/history/<year>-<month>.jsonl`, appended under a lock and flushed;
a line torn by a crash is passed over and never joined by the next. An object store cannot append, so there each line is
an object of its own in a folder of that name.
"""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import posixpath
import socket
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from components.model_pusher.storage import Storage, is_remote, normal, storage_for
from components.retrain_check.facts import BROKEN, LastRun, Outcome
from trainer.settings import Settings

HISTORY_DIR = posixpath.join(".registry", "history")


class Event(Settings):
    """One line. Keys that a newer version of imagemill wrote are passed over."""

    model_config = ConfigDict(extra="ignore")

    time: str = Field("", description="When, UTC, ISO 8601; empty: set when it is appended.")
    kind: Literal["check", "run", "schedule"] = Field(
        description="check: a decision; run: how a run ended; schedule: what a scheduler did."
    )
    by: str = Field("hand", description="Who: hand, schedule or kubeflow.")
    retrain: bool | None = Field(None, description="check: the decision.")
    outcome: Outcome | None = Field(None, description="run: how it ended.")
    reason: str = Field("", description="Why, in a sentence.")
    data_version: str = Field("", description="Fingerprint of the data.")
    run_version: str = Field("", description="Fingerprint of config and code.")
    version: int | None = Field(None, description="run: the registry version that it pushed.")
    seconds: float | None = Field(None, description="run: how long it took.")
    numbers: dict[str, Any] = Field({}, description="The figures behind the reason.")
    host: str = Field("", description="Name of the machine; set when it is appended.")


class History:
    """The history of one model.

    Args:
      root: the registry's folder, any path that Beam reaches.
      name: the model's name.
      storage: for tests.
    """

    def __init__(self, root: str, name: str, storage: Storage | None = None) -> None:
        root = normal(root)
        self._folder = posixpath.join(root, name, HISTORY_DIR)
        self._storage = storage or storage_for(root)
        self._remote = is_remote(root)

    def append(self, event: Event, now: datetime.datetime | None = None) -> Event:
        """Adds one line; returns the event with time and host filled in."""
        moment = now or datetime.datetime.now(datetime.timezone.utc)
        stamped = event.model_copy(
            update={
                "time": event.time or utc_text(moment),
                "host": event.host or socket.gethostname(),
            }
        )
        line = json.dumps(stamped.model_dump(mode="json", exclude_defaults=True)).encode()
        if self._remote:
            self._add_object(stamped.time, line)
        else:
            _add_line(Path(self._folder, f"{stamped.time[:7]}.jsonl"), line)
        return stamped

    def events(self, months: int | None = None) -> list[Event]:
        """All readable events, oldest first; with `months`, those of so many last months with events."""
        paths = self._storage.glob(self._folder, "*.jsonl")
        paths += self._storage.glob(self._folder, "*/*.jsonl")
        if months is not None:
            newest = sorted({self._month(path) for path in paths})[-months:]
            paths = [path for path in paths if self._month(path) in newest]
        lines = (line for path in paths for line in self._storage.read(path).split(b"\n"))
        return sorted(filter(None, map(_parsed, lines)), key=lambda event: event.time)

    def _month(self, path: str) -> str:
        return path[len(self._folder) :].lstrip("/")[:7]

    def _add_object(self, time: str, line: bytes) -> None:
        stamp = time.replace(":", "").replace("+0000", "Z")
        name = f"{stamp}-{uuid.uuid4().hex[:8]}.jsonl"
        self._storage.write(posixpath.join(self._folder, time[:7], name), line + b"\n")


def utc_text(moment: datetime.datetime) -> str:
    """A moment as UTC, ISO 8601, to the microsecond: texts sort as moments do."""
    return moment.astimezone(datetime.timezone.utc).isoformat(timespec="microseconds")


def last_run(events: Sequence[Event]) -> LastRun | None:
    """The run before now. A check that decided to train and was never followed by an end is `lost`.

    Args:
      events: oldest first.
    """
    runs = _runs(events)
    if not runs:
        return None
    last = runs[-1]
    key = (last.data_version, last.run_version)
    failures = 0
    for run in reversed(runs):
        if run.outcome not in BROKEN or (run.data_version, run.run_version) != key:
            break
        failures += 1
    return last.model_copy(update={"failures": failures})


def _runs(events: Sequence[Event]) -> list[LastRun]:
    runs: list[LastRun] = []
    begun: Event | None = None
    for event in events:
        if event.kind == "check" and event.retrain:
            if begun is not None:
                runs.append(_lost(begun))
            begun = event
        elif event.kind == "run" and event.outcome is not None:
            runs.append(_ended(event, begun))
            begun = None
    if begun is not None:
        runs.append(_lost(begun))
    return runs


def _lost(begun: Event) -> LastRun:
    return LastRun(
        outcome="lost",
        time=begun.time,
        data_version=begun.data_version,
        run_version=begun.run_version,
        reason="nobody wrote down how it ended",
    )


def _ended(event: Event, begun: Event | None) -> LastRun:
    assert event.outcome is not None
    return LastRun(
        outcome=event.outcome,
        time=event.time,
        data_version=event.data_version or (begun.data_version if begun else ""),
        run_version=event.run_version or (begun.run_version if begun else ""),
        reason=event.reason,
    )


def _parsed(line: bytes) -> Event | None:
    if not line.strip():
        return None
    try:
        return Event.model_validate_json(line)
    except ValidationError:
        return None


def _add_line(path: Path, line: bytes) -> None:
    """Appends a line in one write, under a lock, after ending a line that a crash has torn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        torn = False
        if end:
            file.seek(end - 1)
            torn = file.read(1) != b"\n"
        file.write((b"\n" if torn else b"") + line + b"\n")
        file.flush()
        os.fsync(file.fileno())
