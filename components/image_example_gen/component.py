"""The TFX component `image-example-gen`: a location of images in, `examples` and `dead_letters` out.

ingest = ImageExampleGen(data_root="photos", config=IngestConfig()).with_id("image-example-gen")
statistics = StatisticsGen(examples=ingest.outputs["examples"])
"""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import component_spec, standard_artifacts
from tfx.types.experimental import simple_artifacts

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.executor import Executor


class ImageExampleGenSpec(types.ComponentSpec):  # type: ignore[misc]
    """Parameters and outputs of `image-example-gen`."""

    PARAMETERS = {
        "data_root": component_spec.ExecutionParameter(type=str),
        "registry": component_spec.ExecutionParameter(type=str),
        "name": component_spec.ExecutionParameter(type=str),
        "data_version": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
        "config": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "dead_letters": component_spec.ChannelParameter(type=simple_artifacts.File),
    }


class ImageExampleGen(base_beam_component.BaseBeamComponent):  # type: ignore[misc]
    """Reads images and writes split, sharded, gzipped TFRecords of tf.Examples (docs/data.md).

    Args:
      data_root: where the images are: a folder or a manifest on any file system that Beam reaches.
      registry: the registry's folder, where splits are remembered; "" for none.
      name: the model's name in the registry.
      data_version: fingerprint of the input's listing; not read, but the step cache sees new data by it.
      code_version: digest of the code, for the step cache.
      config: how to read, split and store.
    """

    SPEC_CLASS = ImageExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        data_root: str | RuntimeParameter,
        config: IngestConfig,
        registry: str | RuntimeParameter = "",
        name: str = "",
        data_version: str | RuntimeParameter = "",
        code_version: str = "",
    ) -> None:
        super().__init__(
            ImageExampleGenSpec(
                data_root=data_root,
                registry=registry,
                name=name,
                data_version=data_version,
                code_version=code_version,
                config=config.model_dump_json(),
                examples=types.Channel(type=standard_artifacts.Examples),
                dead_letters=types.Channel(type=simple_artifacts.File),
            )
        )
