"""Real scheduler processes: two at once, killed, stopped, told what to do."""

from __future__ import annotations

import datetime
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components.retrain_check.history import Event, History
from pipeline.config import Config, load_config
from pipeline.schedule.lock import holder, lock_path
from pipeline.schedule.state import StateFolder

ROOT = Path(__file__).parents[3]
PATIENCE = 60


class Yard:
    """A config, its schedulers, and what came of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.schedulers: list[subprocess.Popen[str]] = []
        for name in ("a", "b"):
            (folder / "photos" / name).mkdir(parents=True)
            (folder / "photos" / name / "1.jpg").write_bytes(b"x")
        self.write({})

    def write(self, schedule: dict[str, str]) -> None:
        lines = "".join(f"  {key}: {value}\n" for key, value in {"every": "1h", **schedule}.items())
        (self.folder / "c.yaml").write_text(
            f"name: m\noutput: out\ndata: {{root: photos}}\nschedule:\n{lines}"
        )

    @property
    def config(self) -> Config:
        return load_config(self.folder / "c.yaml")

    @property
    def state(self) -> StateFolder:
        return StateFolder.of(self.config)

    def start(self, seconds: float = 0, *flags: str) -> subprocess.Popen[str]:
        module = "tests.pipeline.schedule.fake_scheduler"
        scheduler = subprocess.Popen(
            [sys.executable, "-m", module, str(self.folder / "c.yaml"), str(seconds), *flags],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.schedulers.append(scheduler)
        return scheduler

    def started(self, seconds: float = 0, *flags: str) -> subprocess.Popen[str]:
        scheduler = self.start(seconds, *flags)
        self.wait_for(lambda: bool(holder(lock_path(self.config))))
        self.wait_for(lambda: self.state.read().pid == scheduler.pid)
        return scheduler

    def wait_for(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not what():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)

    def end(self, scheduler: subprocess.Popen[str]) -> str:
        scheduler.send_signal(signal.SIGTERM)
        return scheduler.communicate(timeout=PATIENCE)[0]

    @property
    def events(self) -> list[Event]:
        return History(self.config.registry_root, "m").events()

    def outcomes(self) -> list[str | None]:
        return [event.outcome for event in self.events if event.kind == "run"]

    def trainings(self) -> int:
        log = self.folder / "out" / "trainings"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def ask(self) -> None:
        """Asks for a run when none is going on."""
        self.wait_for(lambda: not self.state.read().running_since)
        self.state.ask_for_run()

    def owe(self, hours: int) -> None:
        """As if a scheduler had last been here so many hours ago."""
        then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=hours)
        self.state.update(schedule="every 1h", last_due=then.isoformat())


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path)
    yield yard
    for scheduler in yard.schedulers:
        if scheduler.poll() is None:
            scheduler.kill()
        scheduler.communicate()


def test_two_schedulers_one_run(yard: Yard):
    yard.owe(hours=3)
    first, second = yard.start(2), yard.start(2)
    yard.wait_for(lambda: None not in (first.poll(), second.poll()) or bool(yard.outcomes()))
    time.sleep(1)
    codes = [first.poll(), second.poll()]
    assert sorted(code is None for code in codes) == [False, True]
    loser = first if first.poll() is not None else second
    assert loser.returncode == 1
    assert "another scheduler (process" in loser.communicate()[1]
    assert yard.outcomes() == ["pushed"]
    assert yard.trainings() == 1


def test_a_standby_takes_over(yard: Yard):
    first = yard.started()
    standby = yard.start(0, "--standby")
    time.sleep(2)
    assert standby.poll() is None
    first.kill()
    yard.wait_for(lambda: yard.state.read().pid == standby.pid)
    yard.ask()
    yard.wait_for(lambda: yard.outcomes() == ["pushed"])


def test_a_scheduler_killed_alone_leaves_its_run_which_is_not_done_twice(yard: Yard):
    first = yard.started(4)
    yard.ask()
    yard.wait_for(lambda: yard.trainings() == 1)
    first.kill()
    second = yard.started(4)
    yard.wait_for(lambda: yard.outcomes() == ["pushed"])
    time.sleep(1.5)
    assert "waiting for another run" in yard.end(second)
    assert yard.trainings() == 1


def test_a_scheduler_killed_with_its_run_does_it_again_once(yard: Yard):
    first = yard.started(30)
    yard.ask()
    yard.wait_for(lambda: yard.trainings() == 1)
    run = int((yard.folder / "out" / "m" / "run.lock").read_text())
    first.kill()
    os.kill(run, signal.SIGKILL)
    second = yard.started(0)
    yard.wait_for(lambda: yard.outcomes() == ["pushed"])
    time.sleep(1.5)
    assert "the run before was broken off" in yard.end(second)
    assert yard.trainings() == 2
    checks = [event.reason for event in yard.events if event.kind == "check"]
    assert checks == ["no model is in service yet"] * 2


def test_sigterm_stops_the_run_and_the_next_scheduler_goes_on(yard: Yard):
    first = yard.started(30)
    yard.ask()
    yard.wait_for(lambda: yard.trainings() == 1)
    assert "stopping the run" in yard.end(first)
    assert first.returncode == 0
    assert yard.outcomes() == ["interrupted"]
    yard.started(0)
    yard.wait_for(lambda: yard.outcomes() == ["interrupted", "pushed"])


def test_sigterm_may_let_the_run_finish(yard: Yard):
    yard.write({"on_stop": "finish"})
    scheduler = yard.started(3)
    yard.ask()
    yard.wait_for(lambda: yard.trainings() == 1)
    yard.end(scheduler)
    assert yard.outcomes() == ["pushed"]


def test_a_paused_schedule_is_kept_across_a_restart_and_still_obeys(yard: Yard):
    yard.write({"every": "1s"})
    yard.state.pause()
    scheduler = yard.started()
    time.sleep(3)
    assert yard.events == []
    yard.ask()
    yard.wait_for(lambda: yard.outcomes() == ["pushed"])
    yard.end(scheduler)
    scheduler = yard.started()
    time.sleep(2)
    assert len([event for event in yard.events if event.kind == "check"]) == 1
    yard.state.resume()
    yard.wait_for(lambda: len([event for event in yard.events if event.kind == "check"]) > 1)


def test_watched_files_start_a_run_once_they_rest(yard: Yard):
    yard.write({"every": '""', "watch": "photos", "poll": "1s", "settle": "2s"})
    yard.started()
    yard.wait_for(lambda: yard.outcomes() == ["pushed"])
    time.sleep(2)
    for number in range(2, 5):
        (yard.folder / "photos" / "a" / f"{number}.jpg").write_bytes(b"x")
        time.sleep(0.7)
    yard.wait_for(lambda: yard.outcomes() == ["pushed", "pushed"])
    assert yard.events[-2].numbers["change"]["added"] == 3


def test_a_run_that_cannot_begin_is_a_failure_in_the_history(yard: Yard):
    scheduler = yard.started()
    (yard.folder / "photos").rename(yard.folder / "elsewhere")
    yard.ask()
    yard.wait_for(lambda: yard.outcomes() == ["failed"])
    assert "there is nothing at" in yard.events[-1].reason
    (yard.folder / "elsewhere").rename(yard.folder / "photos")
    yard.ask()
    yard.wait_for(lambda: yard.outcomes() == ["failed", "pushed"])
    yard.end(scheduler)
