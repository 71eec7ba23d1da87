"""The TFX component `report`: the last step, also where the model was refused.

report = Report(examples=..., statistics=..., anomalies=..., model=..., model_run=..., evaluation=..., blessing=...,
                pushed_model=..., name="scenes", code_version="", run_version="", run_config="{}",
                config=ReportConfig())
report.outputs["report"]       # a folder with report.html, report.json and label_errors.csv
"""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import component_spec, standard_artifacts
from tfx.types.experimental import simple_artifacts

from components.report.config import ReportConfig
from components.report.executor import Executor


class ReportSpec(types.ComponentSpec):  # type: ignore[misc]
    """Parameters, inputs and output of `report`."""

    PARAMETERS = {
        "name": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
        "run_version": component_spec.ExecutionParameter(type=str),
        "run_config": component_spec.ExecutionParameter(type=str),
        "config": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "model_run": component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        "pushed_model": component_spec.ChannelParameter(type=standard_artifacts.PushedModel),
    }
    # TFX compiles it for Kubeflow, and it has no properties of its own.
    OUTPUTS = {"report": component_spec.ChannelParameter(type=simple_artifacts.File)}


class Report(base_component.BaseComponent):  # type: ignore[misc]
    """Writes the report.

    Args:
      examples, statistics, anomalies, model, model_run, evaluation, blessing, pushed_model: what the run made.
      name: the model's name.
      code_version: digest of the code that made the model.
      run_version: fingerprint of config and code.
      run_config: every setting of the run, JSON.
      config: how much is shown.
    """

    SPEC_CLASS = ReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        anomalies: types.BaseChannel,
        model: types.BaseChannel,
        model_run: types.BaseChannel,
        evaluation: types.BaseChannel,
        blessing: types.BaseChannel,
        pushed_model: types.BaseChannel,
        name: str | RuntimeParameter,
        code_version: str,
        run_config: str,
        config: ReportConfig,
        run_version: str = "",
    ) -> None:
        super().__init__(
            ReportSpec(
                examples=examples,
                statistics=statistics,
                anomalies=anomalies,
                model=model,
                model_run=model_run,
                evaluation=evaluation,
                blessing=blessing,
                pushed_model=pushed_model,
                name=name,
                code_version=code_version,
                run_version=run_version,
                run_config=run_config,
                config=config.model_dump_json(),
                report=types.Channel(type=simple_artifacts.File),
            )
        )
