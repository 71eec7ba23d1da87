"""What a run leaves in the history, however it ends."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from components.data_gate.findings import Finding, GateReport
from components.data_gate.refusal import DataRefusedError
from components.image_example_gen.listing import list_images
from components.retrain_check.history import Event, History
from pipeline.config import Config, make_config
from pipeline.recorded import Plan, recorded
from pipeline.result import RunResult
from trainer.errors import ExitCode, UserError

REPORT = GateReport(
    images=1168,
    findings=tuple(
        Finding(
            kind=kind,
            level=level,
            count=30,
            total=1168,
            unit="images",
            limit="none",
            items=(),
            items_total=0,
        )
        for kind, level in (("label_conflicts", "error"), ("dark", "warn"))
    ),
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for name in ("a/1.jpg", "b/1.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True)
        (tmp_path / "photos" / name).write_bytes(b"x")
    values = {
        "name": "m",
        "output": str(tmp_path / "out"),
        "data": {"root": str(tmp_path / "photos")},
        "retrain": {"when": "changed"},
    }
    return make_config(values, source="a test")


def plan(config: Config, **values: object) -> Plan:
    listing = list_images(config.data.root, config.ingest)
    return dataclasses.replace(Plan(config, listing, "code"), **values)  # type: ignore[arg-type]


def events(config: Config) -> list[Event]:
    return History(config.registry_root, config.name).events()


def test_a_run_that_pushes(config):
    result = recorded(
        plan(config, by="schedule"),
        lambda decision: RunResult(
            "id", (), decision, metrics={"accuracy": 0.9}, blessed=True, pushed_version="1"
        ),
    )
    assert result.decision.retrain
    check, run = events(config)
    assert (check.kind, check.retrain, check.by) == ("check", True, "schedule")
    assert (run.kind, run.outcome, run.version, run.by) == ("run", "pushed", 1, "schedule")
    assert run.numbers == {"metrics": {"accuracy": 0.9}}
    assert (run.data_version, run.run_version) == (check.data_version, check.run_version)


def test_a_model_that_is_refused_names_the_rules(config):
    rules = ({"name": "accuracy", "verdict": "fail"}, {"name": "size", "verdict": "pass"})
    recorded(plan(config), lambda d: RunResult("id", (), d, rules=rules, blessed=False))
    assert (events(config)[-1].outcome, events(config)[-1].reason) == (
        "refused_model",
        "refused by accuracy",
    )
    again = recorded(plan(config), lambda d: RunResult("id", (), d))
    assert again.skipped
    assert events(config)[-1].kind == "check"


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (UserError("3 leaks\nsee", fix="f", code=ExitCode.DATA_REFUSED), "refused_data", "3 leaks"),
        (
            DataRefusedError("a table", fix="f", report=REPORT),
            "refused_data",
            "same image under two labels: 30 of 1,168 images",
        ),
        (UserError("diverged", fix="f", code=ExitCode.TRAINING_FAILED), "failed", "diverged"),
        (MemoryError(), "failed", "MemoryError: no message"),
        (KeyboardInterrupt(), "interrupted", "it was asked to stop"),
        (SystemExit(143), "interrupted", "it was asked to stop"),
    ],
)
def test_a_run_that_raises_is_written_down_and_raised_on(config, error, outcome, reason):
    def run(decision):
        raise error

    with pytest.raises(type(error)):
        recorded(plan(config), run)
    assert (events(config)[-1].outcome, events(config)[-1].reason) == (outcome, reason)


def test_an_error_of_a_skipped_run_is_no_end_of_a_run(config):
    recorded(plan(config), lambda d: RunResult("id", (), d, blessed=False))
    with pytest.raises(OSError, match="disk"):
        recorded(plan(config), lambda d: (_ for _ in ()).throw(OSError("disk")))
    assert [event.kind for event in events(config)] == ["check", "run", "check"]
