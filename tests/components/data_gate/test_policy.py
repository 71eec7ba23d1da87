from __future__ import annotations

import pytest
from pydantic import ValidationError

from components.data_gate.config import GateConfig, Policies
from components.data_gate.kinds import KINDS
from components.data_gate.policy import Policy


@pytest.mark.parametrize(
    ("policy", "count", "total", "level"),
    [
        (Policy(error=0, warn=0), 1, 100, "error"),
        (Policy(error=0, warn=0), 0, 100, "ignore"),
        (Policy(error=3, warn=0), 3, 100, "warn"),
        (Policy(error=3, warn=0), 4, 100, "error"),
        (Policy(error=0.05, warn=0), 5, 100, "warn"),
        (Policy(error=0.05, warn=0), 6, 100, "error"),
        (Policy(error=0.0, warn=0), 1, 100, "error"),
        (Policy(error=None, warn=0.5), 50, 100, "ignore"),
        (Policy(error=None, warn=0.5), 51, 100, "warn"),
        (Policy(error=None, warn=None), 100, 100, "ignore"),
    ],
)
def test_level_by_count_and_by_share(policy, count, total, level):
    assert policy.level(count, total) == level


def test_shorthands():
    config = GateConfig.model_validate(
        {"policies": {"leakage": "warn", "dark": "ignore", "blank": "error"}}
    )
    assert config.policies.leakage.level(9, 10) == "warn"
    assert config.policies.dark.level(9, 10) == "ignore"
    assert config.policies.blank.level(1, 10_000) == "error"


@pytest.mark.parametrize("limit", [-1, 1.5, True, "many"])
def test_a_wrong_limit_is_refused(limit):
    with pytest.raises(ValidationError):
        Policy(error=limit)


def test_an_unknown_shorthand_says_what_is_allowed():
    with pytest.raises(ValidationError, match="`error`, `warn`, `ignore`"):
        GateConfig.model_validate({"policies": {"leakage": "stop"}})


def test_counts_and_shares_survive_json():
    config = GateConfig.model_validate(
        {"policies": {"dark": {"error": 1, "warn": 0.0}, "blank": {"error": 1.0}}}
    )
    again = GateConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert isinstance(again.policies.dark.error, int)
    assert isinstance(again.policies.blank.error, float)


def test_every_kind_has_a_policy_and_every_policy_a_kind():
    assert set(Policies.model_fields) == set(KINDS)
