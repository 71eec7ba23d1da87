"""TFDV's statistics of the embedding, added to those of the stored features.

    with make_pipeline() as pipeline:
        pipeline | EmbeddingStatistics(tfxio, source, "Split-train/embedding.pb")
    add_statistics("Split-train/FeatureStats.pb", "Split-train/embedding.pb")

The numbers are of statistics alone, not of examples: examples stay the same bytes under any weights, TensorFlow and
processor, the ingest's workers load no TensorFlow, and other weights repeat this step without reading a source file.
They are marked as TFDV marks what it derives itself (`validation_derived_source`), so that SchemaGen and everyone
after it knows that no example has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.io import fileio
from tfx_bsl.public.proto import slicing_spec_pb2

from components.data_gate.anomalies import Statistics
from components.data_gate.embedding import EmbeddingSource, load_embedder
from trainer.features import CLASS_NAME, EMBEDDING_PREFIX, IMAGE

DERIVER = "imagemill_embedding"


def read_schema() -> schema_pb2.Schema:
    """What is to be read of the examples."""
    schema = schema_pb2.Schema()
    for name in (CLASS_NAME, IMAGE):
        schema.feature.add(name=name, type=schema_pb2.BYTES)
    return schema


class EmbeddingStatistics(beam.PTransform):  # type: ignore[misc]
    """Reads examples, looks at their images and writes statistics, sliced by class.

    Args:
      tfxio: of a split, under `read_schema`.
      source: of the numbers.
      path: of the statistics.
    """

    def __init__(self, tfxio: Any, source: EmbeddingSource, path: str) -> None:
        super().__init__()
        self._tfxio = tfxio
        self._source = source
        self._path = path

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Applies the transform."""
        return (
            pipeline
            | "ReadImages" >> self._tfxio.BeamSource()
            | "Embed" >> beam.ParDo(_Embed(self._source))
            | "GenerateStatistics" >> tfdv.GenerateStatistics(_options())
            | "WriteStatistics" >> tfdv.WriteStatisticsToBinaryFile(self._path)
        )


@beam.typehints.with_input_types(pa.RecordBatch)
@beam.typehints.with_output_types(pa.RecordBatch)
class _Embed(beam.DoFn):  # type: ignore[misc]
    """Puts the numbers in the place of the images, so that TFDV never holds one."""

    def __init__(self, source: EmbeddingSource) -> None:
        super().__init__()
        self._source = source

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        embedder = load_embedder(self._source)
        images = [row[0] for row in _column(batch, IMAGE).to_pylist()]
        numbers = embedder(images)
        columns = [
            pa.array(numbers[:, [at]].tolist(), pa.list_(pa.float32()))
            for at in range(numbers.shape[1])
        ]
        yield pa.RecordBatch.from_arrays(
            [_column(batch, CLASS_NAME), *columns], [CLASS_NAME, *embedder.names]
        )


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch.column(batch.schema.get_field_index(name))


def _options() -> tfdv.StatsOptions:
    by_class = slicing_spec_pb2.SlicingSpec(feature_keys=[CLASS_NAME])
    return tfdv.StatsOptions(
        slicing_config=slicing_spec_pb2.SlicingConfig(slicing_specs=[by_class])
    )


def add_statistics(path: str, embedding_path: str) -> None:
    """Moves the statistics of the embedding into those of the stored features, slice by slice."""
    found, added = _read(path), _read(embedding_path)
    by_name = {dataset.name: dataset for dataset in added.datasets}
    for dataset in found.datasets:
        for feature in by_name[dataset.name].features if dataset.name in by_name else ():
            if feature.path.step[0].startswith(EMBEDDING_PREFIX):
                feature.validation_derived_source.deriver_name = DERIVER
                feature.validation_derived_source.source_path.add(step=[IMAGE])
                dataset.features.append(feature)
    with fileio.open(embedding_path, "wb") as file:
        file.write(found.SerializeToString(deterministic=True))
    fileio.rename(embedding_path, path, overwrite=True)


def _read(path: str) -> Statistics:
    with fileio.open(path, "rb") as file:
        return Statistics.FromString(file.read())
