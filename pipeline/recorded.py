"""A run with its memory: the decision before it, and how it ended, as lines in the registry's history.

    result = recorded(Plan(config, listing, code_version=code_version()), run=run_the_pipeline)

`run` gets the decision, makes the pipeline run (a skipped one too, so that the decision is an artifact like any other)
and returns a `RunResult`; whatever it raises is written down and raised on.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable

from components.data_gate.refusal import DataRefusedError
from components.image_example_gen.listing import Listing
from components.retrain_check.decision import Decision, decide
from components.retrain_check.facts import Outcome
from components.retrain_check.gather import Check, Request
from components.retrain_check.history import Event, History
from pipeline.config import Config
from pipeline.result import RunResult
from pipeline.versions import run_version
from trainer.errors import ExitCode, UserError

Clock = Callable[[], datetime.datetime]


def utc_now() -> datetime.datetime:
    """The time."""
    return datetime.datetime.now(datetime.timezone.utc)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is about to run.

    Attributes:
      config: all settings.
      listing: the input.
      code_version: digest of the code.
      forced: whether a person asked for it.
      by: hand or schedule, for the history.
      clock: the time, with its zone; tests set it.
    """

    config: Config
    listing: Listing
    code_version: str
    forced: bool = False
    by: str = "hand"
    clock: Clock = utc_now


def recorded(plan: Plan, run: Callable[[Decision], RunResult]) -> RunResult:
    """Decides, runs, and writes down both."""
    decision = _decide(plan)
    started = time.monotonic()
    try:
        result = run(decision)
    except BaseException as error:
        if decision.retrain:
            _write(plan, decision, end_of_error(error), started)
        raise
    if decision.retrain:
        _write(plan, decision, end_of_result(result), started)
    return result


def _decide(plan: Plan) -> Decision:
    config = plan.config
    request = Request(
        data_root=config.data.root,
        registry=config.registry_root,
        name=config.name,
        run_version=run_version(config, plan.code_version),
        ingest=config.ingest,
        policy=config.retrain,
        data_version=plan.listing.fingerprint(),
        forced=plan.forced,
        by=plan.by,
        now=plan.clock(),
    )
    check = Check(request, plan.listing)
    decision = decide(config.retrain, check.facts)
    check.write_down(decision)
    return decision


def end_of_result(result: RunResult) -> Event:
    """The history's line for a run that came to its end."""
    outcome, reason = _outcome(result)
    version = result.pushed_version if outcome == "pushed" else None
    return Event(
        kind="run",
        outcome=outcome,
        reason=reason,
        version=int(version) if version else None,
        numbers={"metrics": {name: round(value, 6) for name, value in result.metrics.items()}},
    )


def _outcome(result: RunResult) -> tuple[Outcome, str]:
    if result.blessed is False:
        broken = [str(rule["name"]) for rule in result.rules if rule["verdict"] == "fail"]
        return "refused_model", f"refused by {', '.join(broken) or 'the evaluation'}"
    served = result.decision.in_service
    pushed = result.pushed_version
    if pushed is None or (served is not None and str(served.version) == pushed):
        return "unchanged", "the model in service came out again"
    return "pushed", f"version {pushed} was pushed"


def end_of_error(error: BaseException) -> Event:
    """The history's line for a run that raised."""
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return Event(kind="run", outcome="interrupted", reason="it was asked to stop")
    if isinstance(error, DataRefusedError):
        numbers = {"report": error.page} if error.page else {}
        return Event(kind="run", outcome="refused_data", reason=error.reason, numbers=numbers)
    if isinstance(error, UserError):
        refused = error.code is ExitCode.DATA_REFUSED
        outcome: Outcome = "refused_data" if refused else "failed"
        return Event(kind="run", outcome=outcome, reason=_first_line(error.message))
    text = _first_line(str(error))
    return Event(kind="run", outcome="failed", reason=f"{type(error).__name__}: {text}")


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")[:300]


def _write(plan: Plan, decision: Decision, event: Event, started: float) -> None:
    """Adds what the run was about; never hides the run's own error behind one of writing."""
    whole = event.model_copy(
        update={
            "by": plan.by,
            "data_version": decision.data_version,
            "run_version": decision.run_version,
            "seconds": round(time.monotonic() - started, 3),
        }
    )
    History(plan.config.registry_root, plan.config.name).append(whole, plan.clock())
