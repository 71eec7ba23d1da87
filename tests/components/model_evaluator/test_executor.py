"""Evaluator and validator as TFX calls them: artifacts in, files and properties out."""

from __future__ import annotations

import json

import pytest
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components.model_evaluator.config import EvaluateConfig
from components.model_evaluator.executor import Executor as Evaluator
from components.model_evaluator.result import EvaluationResult
from components.model_validator.config import ValidateConfig
from components.model_validator.executor import Executor as Validator
from tests.components.tiny_model import export_model, write_examples


def artifact(kind, folder):
    made = kind()
    made.uri = str(folder)
    return made


@pytest.mark.e2e
def test_evaluator_and_validator_bless_a_good_model(tmp_path):
    write_examples(tmp_path / "examples", per_class=12)
    export_model(tmp_path / "model" / "Format-Serving")
    inputs = {
        "examples": [artifact(standard_artifacts.Examples, tmp_path / "examples")],
        "model": [artifact(standard_artifacts.Model, tmp_path / "model")],
    }
    evaluation = artifact(standard_artifacts.ModelEvaluation, tmp_path / "evaluation")
    blessing = artifact(standard_artifacts.ModelBlessing, tmp_path / "blessing")
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner"], tmp_dir=str(tmp_path), unique_id="1"
    )
    Evaluator(context).Do(
        inputs,
        {"evaluation": [evaluation], "blessing": [blessing]},
        {
            "registry": str(tmp_path / "registry"),
            "name": "colours",
            "code_version": "",
            "config": EvaluateConfig().model_dump_json(),
        },
    )
    assert blessing.get_int_custom_property("blessed") == 1
    assert json.loads(blessing.get_string_custom_property("verdicts"))["not-worse"] == "skipped"
    assert (tmp_path / "blessing" / "BLESSED").exists()
    text = (tmp_path / "evaluation" / "metrics.json").read_text()
    assert EvaluationResult.model_validate_json(text).examples == 36

    served = artifact(standard_artifacts.InfraBlessing, tmp_path / "infra")
    config = ValidateConfig(photos=3).model_dump_json()
    Validator().Do(inputs, {"blessing": [served]}, {"config": config, "code_version": ""})
    assert served.get_int_custom_property("blessed") == 1
    assert (tmp_path / "infra" / "INFRA_BLESSED").exists()
    checks = {c["name"]: c for c in json.loads((tmp_path / "infra" / "checks.json").read_text())}
    assert checks["test-photos"]["detail"] == "3 answered"
