"""TFX's StatisticsGen for images: of labels, per-image measures and a manifest's columns, sliced by class.

    statistics = ImageStatisticsGen(
        examples=ingest.outputs["examples"], embedding=EmbeddingSource.of(config.gate.embedding, config.train)
    ).with_id("statistics-gen")

The records are read through a schema that names these features alone: neither Beam's batches nor TFDV ever hold an
encoded image. Which columns there are is known only when the examples are, so the executor makes the options.
A second pass looks at the images for the embedding, if there is one (`embedding_statistics`).
"""

from __future__ import annotations

import json
import logging
import posixpath
from collections.abc import Mapping
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.statistics_gen import executor
from tfx.components.util import tfxio_utils
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs
from tfx_bsl.public.proto import slicing_spec_pb2

from components.data_gate.anomalies import STATISTICS_FILE
from components.data_gate.embedding import EmbeddingSource, weights_at_hand
from components.data_gate.embedding_statistics import (
    EmbeddingStatistics,
    add_statistics,
    read_schema,
)
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
_EMBEDDING_FILE = "embedding.pb"
_LOGGER = logging.getLogger(__name__)


class Executor(executor.Executor):  # type: ignore[misc]
    """StatisticsGen with the options of these examples."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Computes the statistics of every split.

        Raises:
          UserError: `embedding` names weights that do not fit.
        """
        examples = artifact_utils.get_single_uri(input_dict["examples"])
        with fileio.open(posixpath.join(examples, DATASET_FILE)) as file:
            dataset = DatasetInfo.model_validate_json(file.read())
        options = {"stats_options_json": stats_options(dataset.columns).to_json()}
        super().Do(input_dict, output_dict, {**exec_properties, **options})
        given = exec_properties.get("embedding")
        if not given:
            return
        source = EmbeddingSource.model_validate_json(given)
        if weights_at_hand(source):
            self._embed(input_dict, output_dict, source)
        else:
            _LOGGER.warning(
                "the statistics hold no embedding: the weights %r of %s are not at hand here",
                source.weights,
                source.model,
            )

    def _embed(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        source: EmbeddingSource,
    ) -> None:
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        folders = {
            split: artifact_utils.get_split_uri(output_dict["statistics"], split)
            for split in artifact_utils.decode_split_names(examples.split_names)
        }
        with self._make_beam_pipeline() as pipeline:
            for split, folder in folders.items():
                tfxio = tfxio_utils.get_split_tfxio([examples], split, ["imagemill"], read_schema())
                path = posixpath.join(folder, _EMBEDDING_FILE)
                _ = pipeline | f"Embedding[{split}]" >> EmbeddingStatistics(tfxio, source, path)
        for folder in folders.values():
            add_statistics(
                posixpath.join(folder, STATISTICS_FILE), posixpath.join(folder, _EMBEDDING_FILE)
            )


class ImageStatisticsGenSpec(standard_component_specs.StatisticsGenSpec):  # type: ignore[misc]
    """StatisticsGen's, and where the embedding comes from."""

    PARAMETERS = {
        **standard_component_specs.StatisticsGenSpec.PARAMETERS,
        "embedding": component_spec.ExecutionParameter(type=str),
    }


class ImageStatisticsGen(base_beam_component.BaseBeamComponent):  # type: ignore[misc]
    """StatisticsGen for what ImageExampleGen writes.

    Args:
      examples: with `dataset.json`.
      embedding: where the embedding comes from; None for none.
    """

    SPEC_CLASS = ImageStatisticsGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self, examples: types.BaseChannel, embedding: EmbeddingSource | None = None
    ) -> None:
        super().__init__(
            ImageStatisticsGenSpec(
                examples=examples,
                # The step cache compares these options; the executor adds the columns of the examples.
                stats_options_json=stats_options({}).to_json(),
                exclude_splits=json.dumps([]),
                embedding=embedding.model_dump_json() if embedding else "",
                statistics=types.Channel(type=standard_artifacts.ExampleStatistics),
            )
        )


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
