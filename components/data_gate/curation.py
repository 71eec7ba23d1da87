"""From the schema that TFX infers to the one that is kept, and what changes when new data breaks it.

verdict = check(accepted, inferred, statistics)  # anomalies by split, and a proposal where there are any
settle(store, verdict, refused=False)            # the first schema is accepted with data that passed
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.data_gate.anomalies import Statistics, stored_only, validate
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
    stores; measures get the range of their definition. What statistics derive, no example has to have.
    """
    schema = schema_pb2.Schema()
    schema.CopyFrom(inferred)
    del schema.string_domain[:]
    del schema.feature[:]
    schema.feature.extend(
        feature for feature in inferred.feature if not feature.HasField("validation_derived_source")
    )
    for feature in schema.feature:
        feature.ClearField("domain_info")
        if feature.name == FORMAT:
            feature.string_domain.CopyFrom(schema_pb2.StringDomain(value=["JPEG", "PNG"]))
        low, high = _RANGES.get(feature.name.removeprefix(STAT_PREFIX), (None, None))
        if feature.type == schema_pb2.FLOAT and high is not None:
            feature.float_domain.CopyFrom(schema_pb2.FloatDomain(min=low, max=high))
    return schema


@dataclasses.dataclass(frozen=True)
class SchemaVerdict:
    """What the accepted schema says of new data.

    Attributes:
      anomalies: TFDV's, by split.
      proposal: the schema that this data asks for; None where the accepted one fits.
      is_first: nothing is accepted yet, so the proposal is accepted with the data.
    """

    anomalies: Mapping[str, anomalies_pb2.Anomalies]
    proposal: schema_pb2.Schema | None
    is_first: bool = False


def check(
    accepted: schema_pb2.Schema | None,
    inferred: schema_pb2.Schema,
    statistics: Mapping[str, Statistics],
) -> SchemaVerdict:
    """Validates each split against the accepted schema, or on the first run against the inferred one."""
    schema = curate(inferred) if accepted is None else accepted
    statistics = {split: stored_only(found) for split, found in statistics.items()}
    anomalies = {split: validate(found, schema) for split, found in statistics.items()}
    if accepted is None:
        return SchemaVerdict(anomalies, schema, is_first=True)
    broken = any(has_anomalies(found) for found in anomalies.values())
    return SchemaVerdict(anomalies, updated(schema, statistics) if broken else None)


def settle(store: SchemaStore, verdict: SchemaVerdict, *, refused: bool) -> None:
    """Files the first schema of data that passed; leaves any other proposal for review."""
    if verdict.proposal is None:
        store.withdraw()
    elif verdict.is_first and not refused:
        store.accept(verdict.proposal)
    else:
        store.propose(verdict.proposal)


def validate_table(
    schema: schema_pb2.Schema, statistics: Mapping[str, Statistics]
) -> dict[str, anomalies_pb2.Anomalies]:
    """Anomalies by split, of the features that the statistics have: a check stores no image, so it knows no format."""
    return {
        split: validate(found, _restricted(schema, found)) for split, found in statistics.items()
    }


def _restricted(schema: schema_pb2.Schema, statistics: Statistics) -> schema_pb2.Schema:
    seen = {f.name or ".".join(f.path.step) for set_ in statistics.datasets for f in set_.features}
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    del result.feature[:]
    result.feature.extend(feature for feature in schema.feature if feature.name in seen)
    return result


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
