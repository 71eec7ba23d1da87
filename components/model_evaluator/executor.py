"""What `model-evaluator` does: evaluate, write `metrics.json`, write the blessing."""

from __future__ import annotations

import json
import posixpath
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.model_evaluator.config import EvaluateConfig
from components.model_evaluator.result import METRICS_FILE, EvaluationResult
from components.model_pusher.registry import Registry
from trainer.features import DATASET_FILE, DatasetInfo
from trainer.progress import report

BLESSED_FILE = "BLESSED"
NOT_BLESSED_FILE = "NOT_BLESSED"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes `evaluation`, and sets `blessed` (0 or 1) and `verdicts` (JSON) on `blessing`."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates the model and judges it."""
        from components.model_evaluator.evaluate import SPLIT, Request, evaluate

        examples = artifact_utils.get_single_instance(input_dict["examples"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        request = Request(
            model=path_utils.serving_model_path(model.uri),
            pattern=posixpath.join(examples.uri, f"Split-{SPLIT}", "*"),
            dataset=_dataset(examples.uri),
            in_service=Registry(exec_properties["registry"], exec_properties["name"]).in_service(),
            output=evaluation.uri,
            config=EvaluateConfig.model_validate_json(exec_properties["config"]),
        )
        fileio.makedirs(evaluation.uri)
        result = evaluate(request, self._make_beam_pipeline)
        _write(posixpath.join(evaluation.uri, METRICS_FILE), result.model_dump_json(indent=2))
        _bless(artifact_utils.get_single_instance(output_dict["blessing"]), result)
        _say(result)


def _dataset(folder: str) -> DatasetInfo:
    with fileio.open(posixpath.join(folder, DATASET_FILE), "r") as file:
        return DatasetInfo.model_validate_json(file.read())


def _bless(blessing: types.Artifact, result: EvaluationResult) -> None:
    verdicts = {rule.name: rule.verdict for rule in result.rules}
    blessing.set_int_custom_property("blessed", int(result.blessed))
    blessing.set_string_custom_property("verdicts", json.dumps(verdicts))
    fileio.makedirs(blessing.uri)
    name = BLESSED_FILE if result.blessed else NOT_BLESSED_FILE
    _write(posixpath.join(blessing.uri, name), json.dumps(verdicts, indent=2))


def _write(path: str, text: str) -> None:
    with fileio.open(path, "w") as file:
        file.write(text)


def _say(result: EvaluationResult) -> None:
    failed = [rule.name for rule in result.rules if rule.verdict == "fail"]
    accuracy = (
        f"accuracy {result.overall['accuracy']:.4f}, " if "accuracy" in result.overall else ""
    )
    verdict = f"not blessed: {', '.join(failed)}" if failed else "blessed"
    report(
        "model-evaluator",
        done=result.examples,
        total=result.examples,
        unit="images",
        final=True,
        note="; ".join([f"{accuracy}{verdict}", *result.notes]),
    )
