"""A month of nights under an injected clock: the decision, the registry and the history are real, the training is not.

| day | what happens |
|---|---|
| 1 | the first model |
| 4, 10, 22 | new images |
| 7 | three new images: too few |
| 13 | a bad batch with wrong labels: the gate refuses, night after night nothing is tried again until it is gone |
| 16 | night images only from one class: drift |
| 19 | a crash (SIGKILL) in the middle of training; the next night goes on from its checkpoint |
| 22, 23 | the scheduler is down: two nights are made up for by one run on the 24th |
| 26 | a worse model: the evaluation refuses |
"""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
from pathlib import Path
from zoneinfo import ZoneInfo

from components.image_example_gen.listing import list_images
from components.model_pusher.registry import Registry
from components.retrain_check.decision import Decision
from components.retrain_check.history import Event, History
from pipeline.config import Config, make_config
from pipeline.recorded import Plan, recorded
from pipeline.result import RunResult
from pipeline.schedule.service import Service
from pipeline.schedule.state import StateFolder
from pipeline.status import Limits, read_status
from tests.pipeline.schedule.fake_run import push
from trainer.errors import ExitCode, UserError

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTS = [datetime.datetime(2026, 3, day, 3, tzinfo=BERLIN) for day in range(1, 32)]
DOWN = {22, 23}
EPOCHS = 4


class Month:
    """The world: images that come and go, and what a night makes of them."""

    def __init__(self, folder: Path) -> None:
        self.photos = folder / "photos"
        self.config: Config = make_config(
            {
                "name": "m",
                "output": str(folder / "out"),
                "data": {"root": str(self.photos)},
                "schedule": {"cron": "0 3 * * *", "timezone": "Europe/Berlin"},
                "retrain": {
                    "when": "any",
                    "of": ["new_data", "drift", "failed_run"],
                    "min_new_images": 10,
                    "max_age": "10d",
                },
            },
            source="a test",
        )
        self.now = NIGHTS[0]
        self.worse = self.crash = False
        self.served: list[int] = []
        self.epochs: list[int] = []

    def add(self, name: str, count: int, size: int = 1000) -> None:
        for class_name in ("a", "b"):
            folder = self.photos / class_name
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(count):
                (folder / f"{name}-{i}.jpg").write_bytes(b"x" * size)

    def remove(self, name: str) -> None:
        for path in self.photos.rglob(f"{name}-*"):
            path.unlink()

    def night(self) -> None:
        """What `fake_run` does, with this clock; a crash really kills the process."""
        listing = list_images(self.config.data.root, self.config.ingest)
        plan = Plan(self.config, listing, "code", by="schedule", clock=lambda: self.now)
        if self.crash:
            child = os.fork()
            if child == 0:
                recorded(plan, self.train)
                os._exit(1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        else:
            with contextlib.suppress(UserError):
                recorded(plan, self.train)
        self.look_at_the_registry()

    def train(self, decision: Decision) -> RunResult:
        if not decision.retrain:
            return RunResult("m", (), decision)
        if list(self.photos.rglob("wrong-*")):
            raise UserError("120 images under two labels", fix="look", code=ExitCode.DATA_REFUSED)
        checkpoint = Path(self.config.output, f"checkpoint-{decision.data_version[:8]}")
        done = int(checkpoint.read_text()) if checkpoint.exists() else 0
        for epoch in range(done + 1, EPOCHS + 1):
            checkpoint.parent.mkdir(exist_ok=True)
            checkpoint.write_text(str(epoch))
            self.epochs.append(epoch)
            if self.crash and epoch == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        if self.worse:
            rules = ({"name": "not_worse", "verdict": "fail"},)
            return RunResult("m", (), decision, rules=rules, blessed=False)
        return push(self.config, decision)

    def look_at_the_registry(self) -> None:
        version = Registry(self.config.registry_root, "m").in_service()
        assert version is not None
        assert version.verify() == [], "a partial model is in service"
        self.served.append(version.number)

    @property
    def events(self) -> list[Event]:
        return History(self.config.registry_root, "m").events()

    def told(self, day: int) -> list[tuple[str, str]]:
        """What the history says of a night: (decision or outcome, reason)."""
        date = NIGHTS[day - 1].astimezone(datetime.timezone.utc).date().isoformat()
        words = {True: "retrain", False: "skip", None: "note"}
        return [
            (event.outcome or words[event.retrain], event.reason)
            for event in self.events
            if event.time.startswith(date)
        ]


def scheduler_starts(month: Month) -> list[str]:
    """What a scheduler that starts now owes, and that it remembers having started."""
    service = Service(month.config, ["none"], lambda line: None, now=lambda: month.now)
    owed = [why.text for why in service.owed() if why.needed()]
    StateFolder.of(month.config).update(schedule=service.clock.text, last_due=month.now.isoformat())
    return owed


def live(month: Month) -> None:
    """Plays the month."""
    for due in NIGHTS:
        day, month.now = due.day, due
        if day in (1, 4, 10, 22):
            month.add(f"day{day}", 60)
        if day == 7:
            month.add("few", 1)
        if day == 13:
            month.add("wrong", 60)
        if day == 15:
            month.remove("wrong")
        if day == 16:
            month.add("night", 60, size=50_000)
        if day == 19:
            month.add("day19", 60)
        if day == 26:
            month.add("day26", 60)
        month.crash, month.worse = day == 19, day == 26
        if day in DOWN:
            continue
        if day == 24:
            month.now = due.replace(hour=2)
            assert scheduler_starts(month) == [
                "2 missed since 2026-03-22 03:00, made up for by one run"
            ]
            month.night()
            month.now = due
        month.night()
        StateFolder.of(month.config).update(schedule="cron '0 3 * * *'", last_due=due.isoformat())


def test_a_month(tmp_path: Path):
    month = Month(tmp_path)
    live(month)

    assert month.told(1) == [
        ("retrain", "no model is in service yet"),
        ("pushed", "version 1 was pushed"),
    ]
    assert [what for what, _ in month.told(2)] == ["skip"]
    assert month.told(4)[0] == ("retrain", "120 new images since version 1 (100.0%)")
    assert month.told(7) == [
        ("skip", month.told(7)[0][1]),
    ]
    assert "2 new images since version 2 (0.8%), fewer than 10" in month.told(7)[0][1]
    assert month.told(10)[0] == ("retrain", "122 new images since version 2 (50.8%)")

    assert [what for what, _ in month.told(13)] == ["retrain", "refused_data"]
    assert [what for what, _ in month.told(14)] == ["skip"]
    assert "these very data, config and code were refused by the data gate" in month.told(14)[0][1]
    assert [what for what, _ in month.told(15)] == ["skip"], "the bad batch is gone: as version 3"

    assert "drifted from the data of version 3: file_sizes" in month.told(16)[0][1]
    assert [what for what, _ in month.told(16)] == ["retrain", "pushed"]

    assert [what for what, _ in month.told(19)] == ["retrain"], "killed: nobody wrote an end"
    resumed = month.told(20)
    assert [what for what, _ in resumed] == ["retrain", "pushed"]
    assert "the last run was killed" in resumed[0][1]
    assert [what for what, _ in month.told(21)] == ["skip"]

    assert month.told(22) == []
    assert month.told(23) == []
    assert [what for what, _ in month.told(24)] == ["note", "retrain", "pushed", "skip"]

    assert [what for what, _ in month.told(26)] == ["retrain", "refused_model"]
    assert all([what for what, _ in month.told(day)] == ["skip"] for day in range(27, 32))

    assert month.served == sorted(month.served), "an older model came back"
    assert max(month.served) == 6
    # Six whole trainings (1, 4, 10, 16, 24, 26); the crash is in another process, its rest here.
    assert month.epochs == [1, 2, 3, 4] * 4 + [3, 4] + [1, 2, 3, 4] * 2


def test_at_the_end_of_the_month_the_status_says_what_is_wrong(tmp_path: Path):
    month = Month(tmp_path)
    live(month)
    end = NIGHTS[-1] + datetime.timedelta(hours=1)
    status = read_status(month.config.registry_root, "m", Limits(max_silence="2d"), end)
    assert status.healthy
    assert (status.version, status.last_outcome, status.last_decision) == (
        6,
        "refused_model",
        "skip",
    )
    later = end + datetime.timedelta(days=3)
    quiet = read_status(month.config.registry_root, "m", Limits(max_silence="2d"), later)
    assert quiet.problems == ("the last success was 3 days ago, over 2d",)
