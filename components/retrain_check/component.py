"""The TFX component `retrain-check`: no inputs, one output `decision` that the rest hangs on.

check = RetrainCheck(data_root=..., registry=..., name=..., config=RetrainConfig(), ...)
with Cond(check.outputs["decision"].future()[0].custom_property("retrain") == 1):
    ...
"""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import component_spec
from tfx.types.experimental import simple_artifacts

from components.image_example_gen.config import IngestConfig
from components.retrain_check.config import RetrainConfig
from components.retrain_check.executor import Executor


class RetrainCheckSpec(types.ComponentSpec):
    """Parameters and output of `retrain-check`."""

    PARAMETERS = {
        "data_root": component_spec.ExecutionParameter(type=str),
        "registry": component_spec.ExecutionParameter(type=str),
        "name": component_spec.ExecutionParameter(type=str),
        "data_version": component_spec.ExecutionParameter(type=str),
        "run_version": component_spec.ExecutionParameter(type=str),
        "force": component_spec.ExecutionParameter(type=int),
        "decided": component_spec.ExecutionParameter(type=str),
        "ingest": component_spec.ExecutionParameter(type=str),
        "config": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {"decision": component_spec.ChannelParameter(type=simple_artifacts.File)}


class RetrainCheck(base_component.BaseComponent):
    """Compares the data, config and code of this run with those of the model in service.

    Args:
      data_root: where the images are, as in `data.root`.
      registry: the registry's folder.
      name: the model's name in the registry.
      data_version: fingerprint of the input; "" to compute it here from a listing.
      run_version: fingerprint of config and code, `<config>-<code>`.
      force: 1 to retrain whatever the policy says.
      decided: what a local run has decided already (`components.retrain_check.handed`), for TFX's
        cache; "" on a cluster, where the component decides.
      ingest: how the input is listed (only used when `data_version` is "").
      config: the policy.
    """

    SPEC_CLASS = RetrainCheckSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        data_root: str | RuntimeParameter,
        registry: str | RuntimeParameter,
        name: str,
        data_version: str | RuntimeParameter,
        run_version: str,
        force: int | RuntimeParameter,
        decided: str = "",
        ingest: IngestConfig,
        config: RetrainConfig,
    ) -> None:
        super().__init__(
            RetrainCheckSpec(
                data_root=data_root,
                registry=registry,
                name=name,
                data_version=data_version,
                run_version=run_version,
                force=force,
                decided=decided,
                ingest=ingest.model_dump_json(),
                config=config.model_dump_json(),
                decision=types.Channel(type=simple_artifacts.File),
            )
        )
