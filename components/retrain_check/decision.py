"""The decision itself, free of TFX, files and clocks: what was compared, what was decided and why.

decision = decide(policy, facts)
decision.retrain, decision.reason
"""

from __future__ import annotations

import datetime

from pydantic import Field

from components.durations import roughly, to_text, to_timedelta
from components.retrain_check.conditions import Note, look
from components.retrain_check.config import RetrainConfig
from components.retrain_check.facts import (
    BROKEN,
    REFUSED,
    DataChange,
    DriftFinding,
    Facts,
    LastRun,
    Served,
)
from trainer.settings import Settings

DECISION_FILE = "decision.json"
Verdict = tuple[bool, str]


class Decision(Settings):
    """Run or skip, with the reason and the facts it rests on."""

    retrain: bool = Field(description="True: the rest of the pipeline runs.")
    reason: str = Field(description="One sentence for a person.")
    data_version: str = Field(description="Fingerprint of the input as listed now.")
    run_version: str = Field(description="Fingerprint of the config and code of this run.")
    in_service: Served | None = Field(
        description="The model it was compared with, if there is one."
    )
    when: str = Field("always", description="The policy: always, changed, any or all.")
    notes: tuple[Note, ...] = Field((), description="Every condition of the policy, met or not.")
    change: DataChange | None = Field(None, description="What changed in the data.")
    drift: tuple[DriftFinding, ...] = Field((), description="Comparisons with the reference.")
    last_run: LastRun | None = Field(None, description="The run before this one.")
    forced: bool = Field(False, description="Whether a person asked for it.")
    time: datetime.datetime | None = Field(None, description="When it was decided, UTC.")


def decide(policy: RetrainConfig, facts: Facts) -> Decision:
    """Applies the policy; pure, so that every branch is a one-line test."""
    notes = look(policy, facts)
    retrain, reason = _verdict(policy, facts, notes)
    return Decision(
        retrain=retrain,
        reason=reason,
        data_version=facts.data_version,
        run_version=facts.run_version,
        in_service=facts.in_service,
        when=policy.when,
        notes=notes,
        change=facts.change,
        drift=facts.drift,
        last_run=facts.last_run,
        forced=facts.forced,
        time=facts.now,
    )


def _verdict(policy: RetrainConfig, facts: Facts, notes: tuple[Note, ...]) -> Verdict:
    if facts.forced:
        return True, "retraining was forced"
    served = facts.in_service
    if policy.when == "always":
        if served is None:
            return True, "no model is in service yet"
        return True, "the policy is to train on every run (retrain.when: always)"
    blocked = _blocked(policy, facts)
    if blocked:
        return False, blocked
    if served is None:
        return True, "no model is in service yet"
    return _weigh(policy, facts, served, notes)


def _weigh(policy: RetrainConfig, facts: Facts, served: Served, notes: tuple[Note, ...]) -> Verdict:
    met = [note for note in notes if note.met]
    unmet = [note for note in notes if not note.met]
    if policy.when == "all":
        if not unmet:
            return True, "; ".join(note.text for note in met)
        return False, f"not all conditions hold: {'; '.join(note.text for note in unmet)}"
    if met:
        return True, "; ".join(note.text for note in met)
    if facts.data_version == served.data_version and facts.run_version == served.run_version:
        old = [note.text for note in notes if note.condition == "age" and "older" in note.text]
        same = f"data, config and code are those of version {served.version}, now in service"
        return False, "; ".join([same, *old])
    return False, f"too little changed: {'; '.join(note.text for note in unmet)}"


def _blocked(policy: RetrainConfig, facts: Facts) -> str:
    """Why a run would be in vain or too soon, whatever the conditions say; "" where it would not."""
    last = facts.last_run
    if last is None:
        return ""
    same = (last.data_version, last.run_version) == (facts.data_version, facts.run_version)
    if last.outcome in REFUSED:
        if same:
            return f"these very data, config and code were {_refused(last)} on {last.time}: {last.reason}"
        wait = to_timedelta(policy.cooldown) - (facts.now - _time(last.time))
        if wait > datetime.timedelta(0):
            return (
                f"cooling down for another {roughly(wait)}: the last run's {_what(last)} refused "
                f"(retrain.cooldown: {to_text(to_timedelta(policy.cooldown))})"
            )
    if last.outcome in BROKEN and same and last.failures >= policy.max_failures:
        return (
            f"the last {last.failures} runs on these very data, config and code failed "
            f"(retrain.max_failures: {policy.max_failures}), the last with: {last.reason}"
        )
    return ""


def _refused(last: LastRun) -> str:
    return f"refused by the {'data gate' if last.outcome == 'refused_data' else 'evaluation'}"


def _what(last: LastRun) -> str:
    return "data were" if last.outcome == "refused_data" else "model was"


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
