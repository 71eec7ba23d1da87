"""The TFX component `model-validator`, in place of InfraValidator, which does not run on Kubeflow v2.

validator = ModelValidator(model=..., examples=..., config=ValidateConfig(), code_version="")
validator.outputs["blessing"]      # an InfraBlessing for ModelPusher(infra_blessing=...)
"""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.model_validator.config import ValidateConfig
from components.model_validator.executor import Executor


class ModelValidatorSpec(types.ComponentSpec):
    """Parameters, inputs and output of `model-validator`."""

    PARAMETERS = {
        "code_version": component_spec.ExecutionParameter(type=str),
        "config": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "examples": component_spec.ChannelParameter(
            type=standard_artifacts.Examples, optional=True
        ),
    }
    OUTPUTS = {"blessing": component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing)}


class ModelValidator(base_component.BaseComponent):
    """Serves the exported model in a fresh process and sends it real requests.

    Args:
      model: the trained model.
      code_version: digest of our code, so that the step cache sees it change.
      config: what a good answer is.
      examples: where to take sample photos from (split `test`), or None for drawn images only.
    """

    SPEC_CLASS = ModelValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        model: types.BaseChannel,
        code_version: str,
        config: ValidateConfig,
        examples: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            ModelValidatorSpec(
                model=model,
                examples=examples,
                code_version=code_version,
                config=config.model_dump_json(),
                blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )
