"""How a model is doing, for people, scripts and Prometheus: age, last decision, last run, and whether that is well.

status = read_status(registry_root, name, Limits(max_age="30d"), now)
status.healthy, status.problems, prometheus(status)
"""

from __future__ import annotations

import datetime
from typing import Literal

from pydantic import Field

from components.durations import Duration, roughly, to_timedelta
from components.model_pusher.registry import Registry
from components.retrain_check.gather import in_service
from components.retrain_check.history import Event, History, last_run
from trainer.settings import Settings

_MONTHS = 13
_ENDS_WELL = ("pushed", "unchanged")


class Limits(Settings):
    """What is still well; "" sets no limit."""

    max_age: Duration | Literal[""] = Field("", description="Age of the model in service.")
    max_silence: Duration | Literal[""] = Field(
        "",
        description="Time since the last success: a run that ended well, or a check that found no reason to run.",
    )


class Status(Settings):
    """Everything that is asked of a model."""

    name: str = Field(description="The model.")
    time: str = Field(description="When this was looked up, UTC.")
    healthy: bool = Field(description="Whether there are no problems.")
    problems: tuple[str, ...] = Field(description="What is not well, a sentence each.")
    version: int | None = Field(None, description="Version in service.")
    version_created: str = Field("", description="When it was filed, UTC.")
    age_seconds: float | None = Field(None, description="Its age.")
    last_check: str = Field("", description="When the last decision was made, UTC.")
    last_decision: str = Field("", description="retrain or skip.")
    last_reason: str = Field("", description="Why.")
    last_run: str = Field("", description="When the last run ended, UTC.")
    last_outcome: str = Field("", description="How it ended.")
    last_run_reason: str = Field("", description="Why it ended so.")
    failures: int = Field(0, description="Runs that failed in a row.")
    last_success: str = Field("", description="The last success, UTC.")


def read_status(root: str, name: str, limits: Limits, now: datetime.datetime) -> Status:
    """Looks everything up in the registry; opens no model."""
    served = in_service(Registry(root, name))
    events = History(root, name).events(months=_MONTHS)
    check = next((e for e in reversed(events) if e.kind == "check"), None)
    run = last_run(events)
    success = _last_success(events)
    age = _since(served.created, now) if served else None
    facts = {
        "name": name,
        "time": now.isoformat(timespec="seconds"),
        "version": served.version if served else None,
        "version_created": served.created if served else "",
        "age_seconds": age.total_seconds() if age else None,
        "last_check": check.time if check else "",
        "last_decision": ("retrain" if check.retrain else "skip") if check else "",
        "last_reason": check.reason if check else "",
        "last_run": run.time if run else "",
        "last_outcome": run.outcome if run else "",
        "last_run_reason": run.reason if run else "",
        "failures": run.failures if run else 0,
        "last_success": success,
    }
    status = Status.model_validate({**facts, "healthy": True, "problems": ()})
    problems = tuple(_problems(status, age, limits, now))
    return status.model_copy(update={"healthy": not problems, "problems": problems})


def _last_success(events: list[Event]) -> str:
    for event in reversed(events):
        skipped = event.kind == "check" and event.retrain is False
        if skipped or event.outcome in _ENDS_WELL:
            return event.time
    return ""


def _problems(
    status: Status, age: datetime.timedelta | None, limits: Limits, now: datetime.datetime
) -> list[str]:
    problems = []
    if status.version is None:
        problems.append("no model is in service")
    if age and limits.max_age and age > to_timedelta(limits.max_age):
        problems.append(
            f"version {status.version} is {roughly(age)} old, older than {limits.max_age}"
        )
    if limits.max_silence:
        silence = _since(status.last_success, now)
        if silence is None:
            problems.append("no run or check ever ended well")
        elif silence > to_timedelta(limits.max_silence):
            problems.append(
                f"the last success was {roughly(silence)} ago, over {limits.max_silence}"
            )
    if status.last_outcome == "failed":
        problems.append(f"the last run failed: {status.last_run_reason}")
    return problems


def _since(text: str, now: datetime.datetime) -> datetime.timedelta | None:
    return now - datetime.datetime.fromisoformat(text) if text else None


_METRICS = (
    ("healthy", "Whether everything is well (1) or not (0)."),
    ("model_version", "Version in service; absent where there is none."),
    ("model_age_seconds", "Age of the version in service."),
    ("last_check_timestamp_seconds", "When the last decision was made."),
    ("last_check_retrain", "The last decision: 1 retrain, 0 skip."),
    ("last_run_timestamp_seconds", "When the last run ended."),
    (
        "last_success_timestamp_seconds",
        "When a run last ended well or a check found no reason to run.",
    ),
    ("run_failures", "Runs that failed in a row."),
)


def prometheus(status: Status) -> str:
    """The status in Prometheus's text format, for a textfile collector or a gateway."""
    values: dict[str, float | None] = {
        "healthy": float(status.healthy),
        "model_version": status.version,
        "model_age_seconds": status.age_seconds,
        "last_check_timestamp_seconds": _epoch(status.last_check),
        "last_check_retrain": float(status.last_decision == "retrain")
        if status.last_check
        else None,
        "last_run_timestamp_seconds": _epoch(status.last_run),
        "last_success_timestamp_seconds": _epoch(status.last_success),
        "run_failures": status.failures,
    }
    lines = []
    for metric, text in _METRICS:
        value = values[metric]
        if value is not None:
            full = f"imagemill_{metric}"
            lines += [f"# HELP {full} {text}", f"# TYPE {full} gauge"]
            lines.append(f'{full}{{model="{status.name}"}} {value:.15g}')
    return "\n".join(lines) + "\n"


def _epoch(text: str) -> float | None:
    return datetime.datetime.fromisoformat(text).timestamp() if text else None
