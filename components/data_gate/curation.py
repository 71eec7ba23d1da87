"""From the schema that TFX infers to the one that is kept, and what changes when new data breaks it.

accepted = curate(inferred)                      # first run: what of it shall bind later data
verdict = check(store, inferred, statistics)     # anomalies by split, and a proposal where there are any
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.data_gate.anomalies import Statistics, validate
from components.data_gate.schema_store import SchemaStore
from trainer.features import FORMAT, STAT_PREFIX

_RANGES = {
    "brightness": (0.0, 255.0),
    "contrast": (0.0, 127.5),
    "entropy": (0.0, 8.0),
    "saturation": (0.0, 1.0),
}


def curate(inferred: schema_pb2.Schema) -> schema_pb2.Schema:
    """The inferred schema with what is known of each feature beyond this one set of data.

    Class names stay open, since a new class is a finding with a policy of its own; formats are the two that ingest
    stores; measures get the range of their definition.
    """
    schema = schema_pb2.Schema()
    schema.CopyFrom(inferred)
    del schema.string_domain[:]
    for feature in schema.feature:
        feature.ClearField("domain_info")
        if feature.name == FORMAT:
            feature.string_domain.CopyFrom(schema_pb2.StringDomain(value=["JPEG", "PNG"]))
        low, high = _RANGES.get(feature.name.removeprefix(STAT_PREFIX), (None, None))
        if feature.type == schema_pb2.FLOAT and high is not None:
            feature.float_domain.CopyFrom(schema_pb2.FloatDomain(min=low, max=high))
    return schema


def check(
    store: SchemaStore, inferred: schema_pb2.Schema, statistics: Mapping[str, Statistics]
) -> dict[str, anomalies_pb2.Anomalies]:
    """Validates each split against the accepted schema; on the first run accepts the inferred one.

    Where the data breaks the accepted schema, what TFDV would change is left as the proposal.
    """
    accepted = store.accepted()
    schema = accepted.schema if accepted else store.accept(curate(inferred)).schema
    anomalies = {split: validate(found, schema) for split, found in statistics.items()}
    if any(has_anomalies(found) for found in anomalies.values()):
        store.propose(updated(schema, statistics))
    else:
        store.withdraw()
    return anomalies


def updated(schema: schema_pb2.Schema, statistics: Mapping[str, Statistics]) -> schema_pb2.Schema:
    """The least change to `schema` that the data satisfies (TFDV's `update_schema`)."""
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    for found in statistics.values():
        result = tfdv.update_schema(result, found)
    return result


def has_anomalies(found: anomalies_pb2.Anomalies) -> bool:
    """True where TFDV objects to anything."""
    return bool(found.anomaly_info) or found.HasField("dataset_anomaly_info")
