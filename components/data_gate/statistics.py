"""TFX's StatisticsGen for images: of labels, per-image measures and a manifest's columns, sliced by class.

    statistics = ImageStatisticsGen(examples=ingest.outputs["examples"]).with_id("statistics-gen")

The records are read through a schema that names these features alone: neither Beam's batches nor TFDV ever hold an
encoded image. Which columns there are is known only when the examples are, so the executor makes the options.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components import StatisticsGen
from tfx.components.statistics_gen import executor
from tfx.dsl.components.base import executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx_bsl.public.proto import slicing_spec_pb2

from components.image_example_gen.measures import NAMES
from trainer.features import (
    CLASS_NAME,
    COLUMN_PREFIX,
    DATASET_FILE,
    FORMAT,
    HEIGHT,
    LABEL,
    STAT_PREFIX,
    WIDTH,
    DatasetInfo,
)

_TYPES = {"int": schema_pb2.INT, "float": schema_pb2.FLOAT, "text": schema_pb2.BYTES}
_FEATURES = {
    CLASS_NAME: "text",
    LABEL: "int",
    FORMAT: "text",
    HEIGHT: "int",
    WIDTH: "int",
    **{STAT_PREFIX + name: "float" for name in NAMES},
}


class Executor(executor.Executor):  # type: ignore[misc]
    """StatisticsGen with the options of these examples."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Computes the statistics of every split."""
        examples = artifact_utils.get_single_uri(input_dict["examples"])
        with fileio.open(posixpath.join(examples, DATASET_FILE)) as file:
            dataset = DatasetInfo.model_validate_json(file.read())
        options = {"stats_options_json": stats_options(dataset.columns).to_json()}
        super().Do(input_dict, output_dict, {**exec_properties, **options})


class ImageStatisticsGen(StatisticsGen):  # type: ignore[misc]
    """StatisticsGen for what ImageExampleGen writes."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, examples: types.BaseChannel) -> None:
        # The step cache compares these options; the executor adds the columns of the examples.
        super().__init__(examples=examples, stats_options=stats_options({}))


def stats_options(columns: Mapping[str, str]) -> tfdv.StatsOptions:
    """What TFDV computes.

    Args:
      columns: type of each extra column of a manifest: "int", "float" or "text".
    """
    columns = {COLUMN_PREFIX + name: kind for name, kind in columns.items()}
    schema = schema_pb2.Schema()
    for name, kind in {**_FEATURES, **columns}.items():
        schema.feature.add(name=name, type=_TYPES[kind])
    by_class = slicing_spec_pb2.SlicingSpec(feature_keys=[CLASS_NAME])
    return tfdv.StatsOptions(
        schema=schema,
        experimental_filter_read_paths=True,
        slicing_config=slicing_spec_pb2.SlicingConfig(slicing_specs=[by_class]),
    )
