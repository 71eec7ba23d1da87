"""The TFX component `model-evaluator`: figures of the exported model, and whether it may be pushed.

evaluator = ModelEvaluator(examples=..., model=..., registry="registry", name="scenes", code_version="",
                           config=EvaluateConfig())
evaluator.outputs["evaluation"], evaluator.outputs["blessing"]
"""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import component_spec, standard_artifacts

from components.model_evaluator.config import EvaluateConfig
from components.model_evaluator.executor import Executor


class ModelEvaluatorSpec(types.ComponentSpec):
    """Parameters, inputs and outputs of `model-evaluator`."""

    PARAMETERS = {
        "registry": component_spec.ExecutionParameter(type=str),
        "name": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
        "in_service": component_spec.ExecutionParameter(type=str),
        "config": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class ModelEvaluator(base_beam_component.BaseBeamComponent):
    """Evaluates on the split `test` and compares with the model in service.

    Args:
      examples: images with labels.
      model: the trained model.
      registry: the registry's folder, to find the model in service.
      name: the model's name in it.
      code_version: digest of our code, so that the step cache sees it change.
      in_service: the version to compare with, for the step cache; the executor reads the registry.
      config: the rules.
    """

    SPEC_CLASS = ModelEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        registry: str | RuntimeParameter,
        name: str | RuntimeParameter,
        code_version: str,
        in_service: str = "",
        config: EvaluateConfig,
    ) -> None:
        super().__init__(
            ModelEvaluatorSpec(
                examples=examples,
                model=model,
                registry=registry,
                name=name,
                code_version=code_version,
                in_service=in_service,
                config=config.model_dump_json(),
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
