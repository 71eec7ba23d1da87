"""The long-running process of `imagemill schedule`: starts runs when they are due, one at a time.

    service = Service(config, command=["imagemill", "run", "--config", "scenes.yaml", "--scheduled"], say=print)
    with scheduler_lock(config):
        service.serve(stop=threading.Event())

APScheduler's background scheduler keeps the time (waking, coalescing, never two at once); what must outlive this
process is in files (`state`) and in the registry's history. Every run is a fresh process (`child`).
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from components.durations import to_timedelta
from components.retrain_check.history import Event, History, last_run, utc_text
from pipeline.config import Config
from pipeline.lock import is_held
from pipeline.recorded import Clock as TimeSource
from pipeline.recorded import utc_now
from pipeline.schedule.child import Child, last_words
from pipeline.schedule.clock import Clock
from pipeline.schedule.state import StateFolder
from pipeline.schedule.unattended import ensure_end, tell
from pipeline.schedule.watch import Watch, fingerprint
from trainer.errors import UserError

_POLL = 0.5
_WAKE_EVERY = 30.0
_JOB = "run"


@dataclasses.dataclass(frozen=True)
class Why:
    """A cause to start a run.

    Attributes:
      text: it in words.
      needed: asked once no other run is in the way; False lets it be.
    """

    text: str
    needed: Callable[[], bool] = lambda: True


class Service:
    """One scheduler.

    Args:
      config: all settings; `config.schedule` says when.
      command: what a run is.
      say: gets a line for people about everything that happens.
      now: the time; tests set it.
    """

    def __init__(
        self,
        config: Config,
        command: Sequence[str],
        say: Callable[[str], None],
        now: TimeSource = utc_now,
    ) -> None:
        self._config, self._command, self._say, self._now = config, command, say, now
        self.clock = Clock.of(config.schedule)
        self._folder = StateFolder.of(config)
        self._history = History(config.registry_root, config.name)
        self._busy = threading.Lock()
        self._stop = threading.Event()
        self._child: Child | None = None
        self._scheduler: Any = None

    def serve(self, stop: threading.Event, hurry: threading.Event | None = None) -> None:
        """Works until `stop` is set, then stops the run in progress as `schedule.on_stop` says.

        Args:
          stop: set by SIGTERM or Ctrl-C.
          hurry: set by a second one: `finish` becomes `checkpoint`.
        """
        self._stop = stop
        self._begin()
        try:
            woken = time.monotonic()
            while not stop.wait(_POLL):
                self._obey()
                if time.monotonic() - woken > _WAKE_EVERY:
                    # A machine that slept has lost the time that APScheduler waits by.
                    self._scheduler.wakeup()
                    woken = time.monotonic()
        finally:
            stop.set()
            self._end_child(hurry or threading.Event())
            self._scheduler.shutdown(wait=True)
            self._folder.update(pid=0, next="", running_since="")
            self._say("stopped")

    def _begin(self) -> None:
        from apscheduler.schedulers.background import BackgroundScheduler
        from apscheduler.triggers.interval import IntervalTrigger

        owed = self.owed()
        self._scheduler = BackgroundScheduler(
            timezone=self.clock.zone,
            job_defaults={"coalesce": True, "max_instances": 3, "misfire_grace_time": None},
        )
        if self.clock.trigger is not None:
            self._scheduler.add_job(self._due, self.clock.trigger, id=_JOB)
        self._folder.update(
            schedule=self.clock.text,
            timezone=self.clock.zone_name,
            pid=os.getpid(),
            started=utc_text(self._now()),
            running_since="",
            last_due=utc_text(self._now()),
        )
        if self._config.schedule.watch:
            self._start_watching(IntervalTrigger)
        self._scheduler.start()
        self._note_next()
        for why in owed:
            self._start(why)

    def owed(self) -> list[Why]:
        """What a scheduler that was down, or killed, has left to do: at most one run."""
        if self._broken_off():
            return [Why("the run before was broken off", self._broken_off)]
        state = self._folder.read()
        if state.schedule != self.clock.text or not state.last_due or self._folder.paused:
            return []
        last = datetime.datetime.fromisoformat(state.last_due)
        missed = self.clock.missed(last, self._now())
        if not missed:
            return []
        text = f"{len(missed)} missed since {missed[0]:%Y-%m-%d %H:%M}, made up for by one run"
        self._record(text)
        return [Why(text)]

    def _broken_off(self) -> bool:
        """Whether the last scheduled run neither ended nor was refused."""
        events = [event for event in self._history.events(months=2) if event.kind != "schedule"]
        last = last_run(events)
        scheduled = bool(events) and events[-1].by == "schedule"
        return scheduled and last is not None and last.outcome in ("lost", "interrupted")

    def _start_watching(self, interval: Any) -> None:
        schedule = self._config.schedule
        watch = Watch(to_timedelta(schedule.settle).total_seconds(), self._folder.read().watched)
        seconds = max(1, int(to_timedelta(schedule.poll).total_seconds()))
        self._scheduler.add_job(
            self._look,
            interval(seconds=seconds),
            args=[watch],
            id="watch",
            next_run_time=self._now(),
        )

    def _look(self, watch: Watch) -> None:
        try:
            seen = fingerprint(self._config.schedule.watch)
        except OSError as error:
            self._say(f"cannot look at {self._config.schedule.watch}: {error}")
            return
        if watch.look(seen, time.monotonic()) and not self._folder.paused:
            self._folder.update(watched=watch.acted_on)
            self._start(Why(f"{self._config.schedule.watch} changed"))

    def _due(self) -> None:
        """The clock says so."""
        self._folder.update(last_due=utc_text(self._now()))
        self._note_next()
        if self._folder.paused:
            self._say("due, but paused")
            return
        self._run(Why(f"due by {self.clock.text}"))

    def _start(self, why: Why) -> None:
        """Starts a run in a thread of APScheduler's."""
        self._scheduler.add_job(self._run, args=[why], max_instances=10)

    def _run(self, why: Why) -> None:
        if not self._busy.acquire(blocking=False):
            self._record(f"not started ({why.text}): the run before is still going on")
            return
        try:
            self._wait_for_others()
            if not self._stop.is_set() and why.needed():
                self._run_child(why)
        except Exception as error:
            self._say(f"could not run: {type(error).__name__}: {error}")
        finally:
            self._folder.update(running_since="")
            self._busy.release()

    def _wait_for_others(self) -> None:
        """Waits until no run, started by hand or left by a killed scheduler, uses the output folder."""
        lock = Path(self._config.output, self._config.name, "run.lock")
        told = False
        while is_held(lock) and not self._stop.is_set():
            if not told:
                self._say("waiting for another run in the same output folder to end")
                told = True
            self._stop.wait(_POLL)

    def _run_child(self, why: Why) -> None:
        started = utc_now()
        self._folder.update(running_since=utc_text(started))
        name = f"{started:%Y-%m-%dT%H-%M-%S-%f}.log"
        self._child = child = Child(self._command, self._folder.logs / name)
        self._say(f"run started ({why.text}), process {child.pid}, output in {child.log}")
        code = child.wait()
        self._child = None
        end = self._end_of(code, child.log, started)
        self._say(f"run ended with exit code {code}: {end}")

    def _end_of(self, code: int, log: Path, started: datetime.datetime) -> str:
        """What the run came to; writes it down and tells people where the run could not."""
        reason = last_words(log, code)
        stopped = self._stop.is_set()
        outcome = Event(
            kind="run",
            outcome="interrupted" if stopped else "failed",
            reason="the scheduler was stopped" if stopped else reason,
        )
        try:
            written = ensure_end(self._config, started, outcome) if code else None
            if written is not None:
                tell(self._config, [written])
            events = [event for event in self._history.events(months=1) if event.kind != "schedule"]
        except (OSError, UserError) as error:
            return f"{reason}; the history cannot be read ({error})"
        return events[-1].reason if events else reason

    def _obey(self) -> None:
        if self._folder.take_request():
            self._start(Why("asked for with run-now"))

    def _note_next(self) -> None:
        coming = self.clock.next(self._now())
        self._folder.update(next=utc_text(coming) if coming else "")
        if coming:
            self._say(f"next run at {coming:%Y-%m-%d %H:%M:%S} {self.clock.zone_name}")

    def _record(self, text: str) -> None:
        self._say(text)
        self._history.append(Event(kind="schedule", by="schedule", reason=text), self._now())

    def _end_child(self, hurry: threading.Event) -> None:
        child = self._child
        if child is None:
            return
        schedule = self._config.schedule
        if schedule.on_stop == "finish":
            self._say("stopping when the run has ended")
            while self._child is not None and not hurry.wait(_POLL):
                pass
        if self._child is not None:
            self._say("stopping the run; it goes on from its last checkpoint next time")
            child.stop(to_timedelta(schedule.stop_timeout).total_seconds())
