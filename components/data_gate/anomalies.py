"""TFDV's verdict on the statistics of each split, and where TFX's layout keeps it.

anomalies = validate(statistics, schema)
write_anomalies(output_uri, "train", anomalies)     # Split-train/SchemaDiff.pb, as ExampleValidator does
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any, TypeAlias

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx.dsl.io import fileio

from components.data_gate.findings import Item, Raw
from trainer.features import SPLITS

STATISTICS_FILE = "FeatureStats.pb"
ANOMALIES_FILE = "SchemaDiff.pb"
Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList


def read_statistics(folder: str, split: str) -> Statistics | None:
    """Statistics of a split of an ExampleStatistics artifact (or of a registry's record); None where it has none."""
    path = posixpath.join(folder, f"Split-{split}", STATISTICS_FILE)
    if not fileio.exists(path):
        return None
    with fileio.open(path, "rb") as file:
        return Statistics.FromString(file.read())


def read_all_statistics(folder: str) -> dict[str, Statistics]:
    """Statistics of every split that has examples."""
    found = {split: read_statistics(folder, split) for split in SPLITS}
    return {split: stats for split, stats in found.items() if stats and not is_empty(stats)}


def is_empty(statistics: Statistics) -> bool:
    """True where no example was seen."""
    return not any(dataset.num_examples for dataset in statistics.datasets)


def stored_only(statistics: Statistics) -> Statistics:
    """The statistics of what examples hold: a schema has no say in what is derived."""
    result = Statistics()
    result.CopyFrom(statistics)
    for dataset in result.datasets:
        kept = [f for f in dataset.features if not f.HasField("validation_derived_source")]
        del dataset.features[:]
        dataset.features.extend(kept)
    return result


def validate(statistics: Statistics, schema: schema_pb2.Schema) -> anomalies_pb2.Anomalies:
    """TFDV's anomalies of one split."""
    return tfdv.validate_statistics(statistics, schema)


def write_anomalies(folder: str, split: str, anomalies: anomalies_pb2.Anomalies) -> None:
    """Writes a split's anomalies where TFX's tools look for them."""
    target = posixpath.join(folder, f"Split-{split}")
    fileio.makedirs(target)
    with fileio.open(posixpath.join(target, ANOMALIES_FILE), "wb") as file:
        file.write(anomalies.SerializeToString())


def schema_findings(anomalies: Mapping[str, Any], features: int) -> Raw:
    """All anomalies of all splits as one finding.

    Args:
      anomalies: `Anomalies` by split.
      features: number of features in the schema.
    """
    items = [
        Item(subject=feature, detail=f"{split}: {info.short_description}: {info.description}")
        for split, found in anomalies.items()
        for feature, info in sorted(found.anomaly_info.items())
    ]
    items += [
        Item(subject="(data set)", detail=f"{split}: {found.dataset_anomaly_info.description}")
        for split, found in anomalies.items()
        if found.HasField("dataset_anomaly_info")
    ]
    return Raw("schema_anomalies", items, len({item.subject for item in items}), features)
