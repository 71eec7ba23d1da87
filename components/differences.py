"""What differs between two sets of facts: settings, metrics, what a data set holds.

flat({"train": {"epochs": 7}})                         # {"train.epochs": 7}
changes({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4})    # {"b": (2, 3), "c": (None, 4)}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Changes = dict[str, tuple[Any, Any]]


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """One level of keys, joined by dots; a mapping without entries has none."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    """Old and new value of every key whose value differs; None where a side lacks the key."""
    pairs = {key: (old.get(key), new.get(key)) for key in {**old, **new}}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
