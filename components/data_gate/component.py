"""The TFX component `data-gate`: training waits for it, and it stops the run where data must not go into training.

gate = DataGate(examples=..., statistics=..., schema=..., dead_letters=..., registry="registry", name="scenes",
                code_version="", config=GateConfig()).with_id("data-gate")
trainer.add_upstream_node(gate)
"""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import component_spec, standard_artifacts
from tfx.types.experimental import simple_artifacts

from components.data_gate.config import GateConfig
from components.data_gate.executor import Executor


class DataGateSpec(types.ComponentSpec):  # type: ignore[misc]
    """Inputs, parameters and output of `data-gate`."""

    PARAMETERS = {
        "registry": component_spec.ExecutionParameter(type=str),
        "name": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
        "in_service": component_spec.ExecutionParameter(type=str),
        "config": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema),
        "dead_letters": component_spec.ChannelParameter(type=simple_artifacts.File),
    }
    OUTPUTS = {
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies)
    }


class DataGate(base_component.BaseComponent):  # type: ignore[misc]
    """Checks examples, statistics and schema; raises `UserError` (exit code 3) where they are refused.

    Args:
      examples: what ingest made.
      statistics: of each split.
      schema: as inferred from this data.
      dead_letters: files that became no example.
      registry: folder of the model registry, which keeps the accepted schema.
      name: the model's name in the registry.
      code_version: digest of the code, for the step cache.
      in_service: the version to compare with, for the step cache; the executor reads the registry.
      config: thresholds and policies.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        dead_letters: types.BaseChannel,
        registry: str | RuntimeParameter,
        name: str,
        code_version: str,
        in_service: str = "",
        config: GateConfig,
    ) -> None:
        super().__init__(
            DataGateSpec(
                examples=examples,
                statistics=statistics,
                schema=schema,
                dead_letters=dead_letters,
                registry=registry,
                name=name,
                code_version=code_version,
                in_service=in_service,
                config=config.model_dump_json(),
                anomalies=types.Channel(type=standard_artifacts.ExampleAnomalies),
            )
        )
