"""The TFX component `model-pusher`: a blessed model becomes the registry's next version.

pusher = ModelPusher(model=..., blessing=..., evaluation=..., examples=..., statistics=...,
schema=...,
                     registry="registry", name="scenes", code_version="", run_version="",
                     config=PushConfig(), run_config="{}")
pusher.outputs["pushed_model"]
"""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import component_spec, standard_artifacts

from components.model_pusher.config import PushConfig
from components.model_pusher.executor import Executor


def _channel(
    kind: type[types.Artifact], *, optional: bool = False
) -> component_spec.ChannelParameter:
    return component_spec.ChannelParameter(type=kind, optional=optional)


class ModelPusherSpec(types.ComponentSpec):
    """Parameters, inputs and output of `model-pusher`."""

    PARAMETERS = {
        "registry": component_spec.ExecutionParameter(type=str),
        "name": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
        "run_version": component_spec.ExecutionParameter(type=str),
        "run_config": component_spec.ExecutionParameter(type=str),
        "config": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": _channel(standard_artifacts.Model),
        "blessing": _channel(standard_artifacts.ModelBlessing),
        "evaluation": _channel(standard_artifacts.ModelEvaluation),
        "examples": _channel(standard_artifacts.Examples),
        "statistics": _channel(standard_artifacts.ExampleStatistics),
        "schema": _channel(standard_artifacts.Schema),
        "infra_blessing": _channel(standard_artifacts.InfraBlessing, optional=True),
    }
    OUTPUTS = {"pushed_model": _channel(standard_artifacts.PushedModel)}


class ModelPusher(base_component.BaseComponent):
    """Pushes a model that is blessed (and, where given, passed the model validator).

    Args:
      model: the trained model.
      blessing: the evaluator's verdict; without it nothing is pushed.
      evaluation, examples, statistics, schema: what the record keeps.
      registry: the registry's folder.
      name: the model's name in it.
      code_version: digest of the code that made the model.
      run_version: fingerprint of config and code.
      config: what to do with the new version.
      run_config: every setting of the run, JSON.
      infra_blessing: the model validator's verdict, or None.
    """

    SPEC_CLASS = ModelPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        model: types.BaseChannel,
        blessing: types.BaseChannel,
        evaluation: types.BaseChannel,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        registry: str | RuntimeParameter,
        name: str | RuntimeParameter,
        code_version: str,
        config: PushConfig,
        run_config: str,
        run_version: str = "",
        infra_blessing: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            ModelPusherSpec(
                model=model,
                blessing=blessing,
                evaluation=evaluation,
                examples=examples,
                statistics=statistics,
                schema=schema,
                infra_blessing=infra_blessing,
                registry=registry,
                name=name,
                code_version=code_version,
                run_version=run_version,
                run_config=run_config,
                config=config.model_dump_json(),
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
