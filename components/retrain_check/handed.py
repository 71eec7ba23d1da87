"""A decision that was taken before the pipeline started, handed to `retrain-check` in the same process.

    with handed(decision):
        run_the_pipeline()          # retrain-check publishes the decision instead of taking one

Why a local run decides first: a TFX step is reused only if its inputs are the very artifacts of last time, and the
decision that a condition reads counts as an input of everything behind it. If `retrain-check` ran anew each time, as
looking at a clock demands, nothing behind it could ever be reused. So the runner decides, and gives the component a
parameter that is equal for equal runs (`decided`). Where the policy always trains, the decision is nobody's reason, and
the runner takes it out of what a step is known by (`WatchedRunner`): a changed setting of the trainer repeats no
ingest. On a cluster nothing is handed over: there the component decides.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from components.retrain_check.decision import Decision

_HANDED: ContextVar[Decision | None] = ContextVar("decision", default=None)


@contextlib.contextmanager
def handed(decision: Decision) -> Iterator[None]:
    """Hands the decision over for the body."""
    token = _HANDED.set(decision)
    try:
        yield
    finally:
        _HANDED.reset(token)


def taken() -> Decision | None:
    """The decision that was handed over, if there is one."""
    return _HANDED.get()


def decided(decision: Decision, unique: str) -> str:
    """The component's parameter for a decision.

    It is "" for the policy `always` (steps are reused by what they themselves depend on), equal for equal runs against
    the same model in service (a run that was killed finds its finished steps), and unlike any other where the decision
    is to skip, or a person asked for a run.

    Args:
      decision: what was decided.
      unique: a text that no other run has.
    """
    if not decision.retrain:
        return f"skip {unique}"
    if decision.forced:
        return f"run {unique}"
    if decision.when == "always":
        return ""
    version = decision.in_service.version if decision.in_service else 0
    return f"run since version {version}"
