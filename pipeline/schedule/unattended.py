"""A run that nobody watches: it needs a reason, it is written down however it ends, and people are told.

result = run_unattended(config)
"""

from __future__ import annotations

import datetime
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from components.retrain_check.history import Event, History, utc_text
from pipeline.config import Config
from pipeline.lock import BusyError
from pipeline.notify.message import messages_of
from pipeline.notify.send import notify
from pipeline.recorded import end_of_error
from trainer.errors import UserError

if TYPE_CHECKING:
    from pipeline.result import RunResult


def run_unattended(config: Config, **options: Any) -> RunResult:
    """`run_locally` with all of the above.

    Raises:
      SystemExit: after SIGTERM, once that is written down.
      Exception: whatever the run raised.
    """
    from pipeline.local import run_locally

    config = with_a_reason(config)
    with unattended(config):
        return run_locally(config, by="schedule", **options)


def with_a_reason(config: Config) -> Config:
    """The config with `retrain.when: changed` where it names no policy: training daily for nothing helps nobody."""
    if "when" in config.retrain.model_fields_set:
        return config
    retrain = config.retrain.model_copy(update={"when": "changed"})
    return config.model_copy(update={"retrain": retrain})


@contextmanager
def unattended(config: Config) -> Iterator[None]:
    """Sees to it that the body leaves its end in the history, and tells people afterwards."""
    started = datetime.datetime.now(datetime.timezone.utc)
    try:
        with _sigterm_raises():
            yield
    except BusyError as error:
        _history(config).append(Event(kind="schedule", by="schedule", reason=error.message))
        raise
    except BaseException as error:
        ensure_end(config, started, end_of_error(error))
        raise
    finally:
        tell(config, events_since(config, started))


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Makes SIGTERM an exception, so that the run's end can be written down; training has its own way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _raise_exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _raise_exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def ensure_end(config: Config, started: datetime.datetime, end: Event) -> Event | None:
    """Writes `end` down unless the run that began at `started` has left its own; returns it if written."""
    recent = events_since(config, started)
    over = any(
        event.kind == "run" or (event.kind == "check" and not event.retrain) for event in recent
    )
    if over:
        return None
    seconds = (datetime.datetime.now(datetime.timezone.utc) - started).total_seconds()
    whole = end.model_copy(update={"by": "schedule", "seconds": round(seconds, 3)})
    return _history(config).append(whole)


def events_since(config: Config, started: datetime.datetime) -> list[Event]:
    """Events from `started` on, oldest first; [] where the registry cannot be read."""
    try:
        events = _history(config).events(months=2)
    except (OSError, UserError):
        return []
    return [event for event in events if event.time >= utc_text(started)]


def tell(config: Config, events: list[Event]) -> list[str]:
    """Notifies of events; returns what did not get through."""
    messages = [message for event in events for message in messages_of(config.name, event)]
    return notify(config.notify, messages)


def _history(config: Config) -> History:
    return History(config.registry_root, config.name)
