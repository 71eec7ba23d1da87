"""Every branch of the decision to train: pure, so each is one line."""

from __future__ import annotations

import datetime

import pytest

from components.retrain_check.config import RetrainConfig
from components.retrain_check.decision import Decision, decide
from components.retrain_check.facts import DataChange, DriftFinding, Facts, LastRun, Served
from components.retrain_check.handed import decided

NOW = datetime.datetime(2026, 3, 31, 12, tzinfo=datetime.timezone.utc)
SERVED = Served(
    version=3, data_version="d1", run_version="r1-c1", created="2026-03-21T12:00:00+00:00"
)
CHANGE = DataChange(
    images=110,
    added=9,
    modified=1,
    removed=0,
    share=0.1,
    added_per_class={"a": 10},
    new_classes=(),
    vanished_classes=(),
)
DRIFT = DriftFinding(what="classes", distance=0.4, limit=0.2, detail="a")


def facts(**values: object) -> Facts:
    base = {"now": NOW, "data_version": "d1", "run_version": "r1-c1", "in_service": SERVED}
    return Facts.model_validate({**base, **values})


def last(outcome: str, **values: object) -> LastRun:
    base = {
        "outcome": outcome,
        "time": "2026-03-31T00:00:00+00:00",
        "data_version": "d2",
        "run_version": "r1-c1",
        "reason": "too blurred",
    }
    return LastRun.model_validate({**base, **values})


def verdict(policy: dict[str, object], **values: object) -> Decision:
    return decide(RetrainConfig.model_validate(policy), facts(**values))


@pytest.mark.parametrize(
    ("policy", "values", "retrain", "reason"),
    [
        ({"when": "changed"}, {}, False, "data, config and code are those of version 3"),
        ({"when": "changed"}, {"in_service": None}, True, "no model is in service"),
        ({"when": "always"}, {"in_service": None}, True, "no model is in service"),
        ({"when": "always"}, {}, True, "retrain.when: always"),
        ({"when": "changed"}, {"forced": True}, True, "forced"),
        ({"when": "changed"}, {"data_version": "d2"}, True, "its listing was not kept"),
        (
            {"when": "changed"},
            {"data_version": "d2", "change": CHANGE},
            True,
            "9 new, 1 changed images since version 3 (10.0%)",
        ),
        (
            {"when": "changed", "min_new_images": 11},
            {"data_version": "d2", "change": CHANGE},
            False,
            "too little changed: 9 new, 1 changed images since version 3 (10.0%), fewer than 11",
        ),
        (
            {"when": "changed", "min_new_share": 0.2},
            {"data_version": "d2", "change": CHANGE},
            False,
            "fewer than 1 and 20.0%",
        ),
        (
            {"when": "changed", "min_new_images": 11},
            {"data_version": "d2", "change": CHANGE.model_copy(update={"new_classes": ("kiwi",)})},
            True,
            "new class 'kiwi'",
        ),
        (
            {"when": "any", "of": ["new_class"]},
            {
                "data_version": "d2",
                "change": CHANGE.model_copy(update={"vanished_classes": ("a", "b")}),
            },
            True,
            "vanished classes 'a', 'b'",
        ),
        ({"when": "changed"}, {"run_version": "r2-c1"}, True, "the config changed since version 3"),
        ({"when": "changed"}, {"run_version": "r1-c2"}, True, "the code changed since version 3"),
        ({"when": "any", "of": ["config"]}, {"run_version": "r1-c2"}, False, "too little changed"),
        ({"when": "any", "of": ["drift"]}, {"drift": [DRIFT]}, True, "classes 0.40 (limit 0.2; a)"),
        (
            {"when": "any", "of": ["age"], "max_age": "7d"},
            {"data_version": "d2"},
            True,
            "version 3 is 10 days old, older than 7d",
        ),
        ({"when": "any", "of": ["age"], "max_age": "7d"}, {}, False, "would make the same model"),
        (
            {"when": "any", "of": ["age"], "max_age": "11d"},
            {"data_version": "d2"},
            False,
            "10 days",
        ),
        (
            {"when": "all", "of": ["new_data", "age"], "max_age": "7d"},
            {"data_version": "d2", "change": CHANGE},
            True,
            "older than 7d",
        ),
        (
            {"when": "all", "of": ["new_data", "age"], "max_age": "20d"},
            {"data_version": "d2", "change": CHANGE},
            False,
            "not all conditions hold: version 3 is 10 days old",
        ),
    ],
)
def test_policies(policy, values, retrain, reason):
    decision = verdict(policy, **values)
    assert decision.retrain is retrain
    assert reason in decision.reason


@pytest.mark.parametrize("outcome", ["refused_data", "refused_model"])
def test_what_was_refused_is_not_tried_again_unchanged(outcome):
    same = verdict({"when": "changed"}, data_version="d2", last_run=last(outcome))
    assert not same.retrain
    assert "too blurred" in same.reason
    assert verdict({"when": "changed"}, data_version="d3", last_run=last(outcome)).retrain
    assert verdict(
        {"when": "changed"}, data_version="d2", last_run=last(outcome), forced=True
    ).retrain


def test_nothing_runs_while_cooling_down_after_a_refusal():
    policy = {"when": "changed", "cooldown": "1d"}
    early = verdict(policy, data_version="d3", last_run=last("refused_data"))
    assert not early.retrain
    assert "cooling down for another 12 hours" in early.reason
    later = last("refused_data", time="2026-03-30T11:00:00+00:00")
    assert verdict(policy, data_version="d3", last_run=later).retrain


@pytest.mark.parametrize("outcome", ["failed", "lost"])
def test_a_crash_is_tried_again_but_not_for_ever(outcome):
    again = verdict({"when": "changed"}, data_version="d2", last_run=last(outcome, failures=2))
    assert again.retrain
    assert "the last run" in again.reason
    third = verdict({"when": "changed"}, data_version="d2", last_run=last(outcome, failures=3))
    assert not third.retrain
    assert "the last 3 runs" in third.reason
    assert verdict(
        {"when": "changed"}, data_version="d3", last_run=last(outcome, failures=3)
    ).retrain


def test_a_first_model_that_was_refused_is_not_tried_every_night():
    decision = verdict(
        {"when": "changed"}, data_version="d2", in_service=None, last_run=last("refused_model")
    )
    assert not decision.retrain


def test_always_never_looks_at_the_last_run():
    assert verdict({"when": "always"}, data_version="d2", last_run=last("refused_data")).retrain


def test_the_decision_holds_its_facts():
    decision = verdict({"when": "any"}, data_version="d2", change=CHANGE, drift=[DRIFT])
    assert decision.change == CHANGE
    assert decision.drift == (DRIFT,)
    assert {note.condition: note.met for note in decision.notes} == {
        "new_data": True,
        "new_class": False,
        "drift": True,
        "age": False,
        "config": False,
        "code": False,
        "failed_run": False,
    }
    assert Decision.model_validate_json(decision.model_dump_json()) == decision


@pytest.mark.parametrize(
    ("policy", "values", "expected"),
    [
        ({"when": "always"}, {}, ""),
        ({"when": "always"}, {"forced": True}, "run u"),
        ({"when": "changed"}, {}, "skip u"),
        ({"when": "changed"}, {"data_version": "d2"}, "run since version 3"),
        ({"when": "changed"}, {"in_service": None}, "run since version 0"),
        ({"when": "changed"}, {"forced": True}, "run u"),
    ],
)
def test_the_parameter_that_tfx_caches_by(policy, values, expected):
    assert decided(verdict(policy, **values), unique="u") == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"when": "sometimes"},
        {"of": []},
        {"of": ["age", "age"]},
        {"of": ["moon"]},
        {"max_age": "30"},
        {"min_new_images": 0},
        {"cooldown": "1y"},
    ],
)
def test_wrong_policies_are_refused(wrong):
    with pytest.raises(ValueError, match="validation error"):
        RetrainConfig.model_validate(wrong)
