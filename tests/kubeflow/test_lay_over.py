"""Run-time values reach settings that stand inside a JSON property."""

from __future__ import annotations

import json

import pytest

from kubeflow.lay_over import apply
from trainer.errors import UserError


def test_a_value_inside_json_is_replaced_and_the_parameter_dropped():
    given = {"custom_config": '{"config": {"epochs": 8, "alpha": 1.0}}', "epochs": 3, "run_fn": "f"}
    result = apply(given, ["epochs=custom_config.config.epochs"])
    assert json.loads(result.pop("custom_config")) == {"config": {"epochs": 3, "alpha": 1.0}}
    assert result == {"run_fn": "f"}
    assert given["epochs"] == 3


def test_one_parameter_may_go_to_several_places_and_another_nowhere():
    given = {"a": '{"x": 1}', "b": '{"y": 1}', "v": 7, "image": "i"}
    result = apply(given, ["v=a.x", "v=b.y", "image="])
    assert result == {"a": '{"x": 7}', "b": '{"y": 7}'}


def test_a_parameter_that_the_backend_left_out_changes_nothing():
    assert apply({"a": '{"x": 1}'}, ["v=a.x"]) == {"a": '{"x": 1}'}


@pytest.mark.parametrize("rule", ["v=a.z", "v=a.x.z", "v=missing.x", "v=broken.x"])
def test_a_rule_that_finds_nothing_says_so(rule):
    with pytest.raises(UserError, match=f"'{rule}' finds nothing"):
        apply({"a": '{"x": 1}', "broken": "{", "v": 7}, [rule])
