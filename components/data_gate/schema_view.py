"""A schema for a person: a row per feature, and what one schema says that another does not.

rows(schema)                  # [("image/width", "INT", "always", ""), ...]
differences(before, after)    # unified diff of the text that is edited, as lines
"""

from __future__ import annotations

import difflib

from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate.schema_store import schema_text

_DRAWN_VALUES = 8


def rows(schema: schema_pb2.Schema) -> list[tuple[str, str, str, str]]:
    """Name, type, presence and domain of every feature."""
    return [
        (
            feature.name,
            str(schema_pb2.FeatureType.Name(feature.type)),
            _presence(feature),
            _domain(feature, schema),
        )
        for feature in schema.feature
    ]


def differences(before: schema_pb2.Schema, after: schema_pb2.Schema) -> list[str]:
    """Unified diff, without file names; empty where both say the same."""
    old, new = (schema_text(schema).splitlines() for schema in (before, after))
    lines = difflib.unified_diff(old, new, lineterm="", n=4)
    return [line for line in lines if not line.startswith(("---", "+++"))]


def _presence(feature: schema_pb2.Feature) -> str:
    share = feature.presence.min_fraction
    if share >= 1:
        return "always"
    return f"in {share:.0%}" if share else "optional"


def _domain(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> str:
    kind = feature.WhichOneof("domain_info")
    if kind in ("float_domain", "int_domain"):
        domain = getattr(feature, kind)
        return f"{domain.min:g} to {domain.max:g}"
    values: list[str] = []
    if kind == "string_domain":
        values = list(feature.string_domain.value)
    elif kind == "domain":
        named = [domain for domain in schema.string_domain if domain.name == feature.domain]
        values = [value for domain in named for value in domain.value]
    more = ", ..." if len(values) > _DRAWN_VALUES else ""
    return ", ".join(values[:_DRAWN_VALUES]) + more
