"""Ten nights under an injected clock in which everything is real: data, gate, training, evaluation, registry, history.

| night | what happens |
|---|---|
| 1 | the first model |
| 2 | nothing |
| 3 | new images; SIGKILL in the first epoch of training, before its last step is saved |
| 4 | the training goes on with the last step of that epoch |
| 5, 6 | images under the wrong label: the gate refuses once, then it is not tried again |
| 7 | the bad batch is gone |
| 8, 9 | the scheduler is down while many images of one class arrive |
| 10 | drift; both missed nights are made up for by one run |

`test_month` plays a month of the same without training.
"""

from __future__ import annotations

import datetime
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from components.image_example_gen.ledger import load_ledger
from components.model_pusher.registry import Registry
from components.retrain_check.history import History
from pipeline.config import Config, load_config
from pipeline.history import read_runs
from pipeline.result import RunResult
from pipeline.schedule.service import Service
from pipeline.schedule.state import StateFolder
from pipeline.status import Limits, read_status
from tests.imagemill.photos import write_photos
from tests.pipeline.schedule.night import night
from tests.repo import ROOT
from tests.shared import shared_path
from trainer.errors import ExitCode, UserError
from trainer.features import SPLITS

pytestmark = pytest.mark.e2e

WEIGHTS = "weights/mobilenet_v3_small_0.75_imagenet_notop.weights.h5"
CLASSES = ("cat", "dog", "owl")
EPOCHS = 2


class Week:
    """The photos, the clock, and what the nights came to."""

    def __init__(self, folder: Path) -> None:
        self.photos = write_photos(folder / "photos", dict.fromkeys(CLASSES, 40))
        self.file = folder / "m.yaml"
        self.file.write_text(yaml.safe_dump(self._settings(folder)))
        self.config: Config = load_config(self.file)
        self.folder = folder
        self.now = self.at(1)
        self.epochs: list[int] = []
        self.served: list[int] = []

    def _settings(self, folder: Path) -> dict[str, object]:
        return {
            "name": "m",
            "output": str(folder / "out"),
            "data": {"root": str(self.photos)},
            "train": {
                "weights": str(shared_path(WEIGHTS)),
                "alpha": 0.75,
                "image_size": 64,
                "epochs": EPOCHS,
                "checkpoint_every_steps": 1,
                "cutmix": {"enabled": False},
                "calibrate": False,
                "export": {"tflite": False, "tflite_int8": False, "keras": False},
            },
            "evaluate": {"min_accuracy": 0.8, "max_calibration_error": None},
            "gate": {"min_images_per_class": 5},
            "report": {"heatmaps": 0, "scored": 0, "augmented": 0, "top_losses": 0},
            "schedule": {"cron": "0 3 * * *", "timezone": "UTC"},
            "retrain": {
                "when": "any",
                "of": ["new_data", "drift", "failed_run"],
                "min_new_images": 10,
                "drift": {"min_images": 10},
            },
        }

    def at(self, day: int) -> datetime.datetime:
        return datetime.datetime(2026, 3, day, 3, tzinfo=datetime.timezone.utc)

    def add(self, name: str, counts: dict[str, int], seed: int) -> None:
        source = write_photos(self.folder / name, dict.fromkeys(CLASSES, 40), seed=seed)
        for class_name, count in counts.items():
            for number in range(count):
                picture = source / class_name / f"{number:03}.jpg"
                shutil.copy(picture, self.photos / class_name / f"{name}-{number}.jpg")

    def mislabel(self, count: int) -> None:
        for number in range(count):
            picture = self.photos / "cat" / f"{number:03}.jpg"
            shutil.copy(picture, self.photos / "owl" / f"wrong-{number}.jpg")

    def night(self, day: int) -> RunResult:
        """A run that ends; also looks at what is served afterwards."""
        self.now = self.at(day)
        StateFolder.of(self.config).update(
            schedule="cron '0 3 * * *'", last_due=self.now.isoformat()
        )
        self.epochs.clear()
        try:
            return night(self.config, self.now, self.epochs.append)
        finally:
            self.look()

    def killed_night(self, day: int) -> None:
        command = [sys.executable, "-m", "tests.pipeline.schedule.night"]
        done = subprocess.run(
            [*command, str(self.file), self.at(day).isoformat()],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
        self.look()

    def look(self) -> None:
        version = Registry(self.config.registry_root, "m").in_service()
        assert version is not None
        assert version.verify() == [], "a partial model is in service"
        rules = version.read_json("metrics.json")["rules"]
        assert "fail" not in {rule["verdict"] for rule in rules}, "a refused model is in service"
        self.served.append(version.number)

    def tested(self) -> set[bytes]:
        """Contents that the registry keeps for testing."""
        ledger = load_ledger(self.config.registry_root, "m", self.config.ingest)
        return set(ledger.sha256[ledger.split == SPLITS.index("test")].tolist())

    def told(self, day: int) -> list[tuple[str, str]]:
        words = {True: "retrain", False: "skip", None: "note"}
        return [
            (event.outcome or words[event.retrain], event.reason)
            for event in History(self.config.registry_root, "m").events()
            if event.time.startswith(f"2026-03-{day:02}")
        ]


def test_ten_nights(tmp_path: Path):
    week = Week(tmp_path)

    assert week.night(1).pushed_version == "1"
    assert week.epochs == [0, 1, 2]
    tested = week.tested()
    assert week.night(2).skipped

    week.add("new", dict.fromkeys(CLASSES, 6), seed=1)
    week.killed_night(3)
    resumed = week.night(4)
    assert week.epochs == [1, 2], "it began anew with the head, or did not train"
    assert resumed.pushed_version == "2"

    week.mislabel(30)
    with pytest.raises(UserError) as refused:
        week.night(5)
    assert refused.value.code is ExitCode.DATA_REFUSED
    assert week.night(6).skipped
    for wrong in (week.photos / "owl").glob("wrong-*"):
        wrong.unlink()
    assert week.night(7).skipped

    week.add("flood", {"owl": 24}, seed=2)
    week.now = week.at(10) - datetime.timedelta(hours=1)
    service = Service(week.config, ["none"], lambda line: None, now=lambda: week.now)
    (owed,) = [why.text for why in service.owed() if why.needed()]
    assert owed == "2 missed since 2026-03-08 03:00, made up for by one run"
    assert week.night(10).pushed_version == "3"

    _check_history(week)
    assert week.served == [1, 1, 1, 2, 2, 2, 2, 3]
    assert tested <= week.tested()
    split_of = dict(zip(*_ledger(week), strict=True))
    assert np.mean([split == "test" for split in split_of.values()]) == pytest.approx(0.1, abs=0.06)


def _ledger(week: Week) -> tuple[list[bytes], list[str]]:
    ledger = load_ledger(week.config.registry_root, "m", week.config.ingest)
    return ledger.sha256.tolist(), [SPLITS[split] for split in ledger.split]


def _check_history(week: Week) -> None:
    assert week.told(1) == [
        ("retrain", "no model is in service yet"),
        ("pushed", "version 1 was pushed"),
    ]
    assert week.told(2) == [
        ("skip", "data, config and code are those of version 1, now in service")
    ]
    assert week.told(3) == [("retrain", "18 new images since version 1 (15.0%)")]
    assert week.told(4) == [
        (
            "retrain",
            "18 new images since version 1 (15.0%); the last run was killed: nobody wrote down how it ended",
        ),
        ("pushed", "version 2 was pushed"),
    ]
    assert [what for what, _ in week.told(5)] == ["retrain", "refused_data"]
    assert "same image under two labels" in week.told(5)[1][1]
    assert [what for what, _ in week.told(6)] == ["skip"]
    assert "these very data, config and code were refused by the data gate" in week.told(6)[0][1]
    assert week.told(7) == [
        ("skip", "data, config and code are those of version 2, now in service")
    ]
    assert week.told(8) == week.told(9) == []
    assert [what for what, _ in week.told(10)] == ["note", "retrain", "pushed"]
    assert "24 new images since version 2 (17.4%)" in week.told(10)[1][1]
    assert (
        "drifted from the data of version 2: classes 0.67 (limit 0.2; owl)" in week.told(10)[1][1]
    )

    states = [run.state for run in read_runs(f"{week.config.output}/m/metadata.sqlite")]
    assert states == [
        *("done", "skipped", "unfinished", "done"),
        *("failed", "skipped", "skipped", "done"),
    ]
    end = week.at(10) + datetime.timedelta(hours=1)
    status = read_status(week.config.registry_root, "m", Limits(max_silence="1d"), end)
    assert (status.version, status.last_outcome, status.healthy) == (3, "pushed", True)
