"""The version in service reaches the trainer's settings when the step starts, not when the document is compiled."""

from __future__ import annotations

import json

import pytest

from components.model_pusher.registry import Registry
from kubeflow.compile import compile_pipeline
from kubeflow.warm_start import PLACE, with_version_in_service
from pipeline.config import load_config
from tests.components.model_pusher.fakes import make_model
from tests.kubeflow import golden


def _given(root) -> dict[str, str]:
    settings = {"registry": str(root), "name": "digits", "in_service": ""}
    return {"custom_config": json.dumps(settings), "epochs": "x"}


def test_the_version_in_service_is_put_in_place(tmp_path):
    registry = Registry(str(tmp_path), "digits")
    registry.push(make_model(tmp_path / "model", "one"), {})
    changed = with_version_in_service(_given(tmp_path), PLACE)
    assert json.loads(changed["custom_config"])["in_service"] == "1"
    assert set(changed) == {"custom_config", "epochs"}


def test_nothing_in_service_and_nothing_asked(tmp_path):
    given = _given(tmp_path)
    assert json.loads(with_version_in_service(given, PLACE)["custom_config"])["in_service"] == ""
    assert with_version_in_service(given, "") == given


@pytest.mark.parametrize("wanted", [True, False])
def test_only_a_warm_start_asks_and_is_never_reused(wanted):
    config = load_config(golden.CONFIG)
    train = config.train.model_copy(update={"warm_start": wanted})
    spec = compile_pipeline(config.model_copy(update={"train": train}), code_version="0").spec
    args = spec["deploymentSpec"]["executors"]["trainer_executor"]["container"]["args"]
    task = spec["root"]["dag"]["tasks"]["trainer"]
    assert ("--in_service" in args) == wanted
    assert (task["cachingOptions"] == {}) == wanted
