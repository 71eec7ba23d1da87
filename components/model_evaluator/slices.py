"""Which slices are reported: a column of many values would make more figures than anybody reads, and TFMA slow.

found = find_slices(rows, limit=100)
rows | beam.Map(lambda row, found: keep(row.slices, found), beam.pvalue.AsDict(found))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam

from components.model_evaluator.scoring import Row

Found = tuple[int, tuple[str, ...]]


def find_slices(rows: beam.PCollection, limit: int) -> beam.PCollection:
    """For each slice feature, how many values it has, and the commonest `limit` of them.

    Returns: pairs of feature and (count, values).
    """
    counted = (
        rows
        | "SliceItems" >> beam.FlatMap(_items).with_output_types(tuple[str, str])
        | "CountItems" >> beam.combiners.Count.PerElement()
        | "ByFeature" >> beam.MapTuple(_by_feature).with_output_types(tuple[str, tuple[int, str]])
    )
    both = {
        "count": counted | "CountValues" >> beam.combiners.Count.PerKey(),
        "commonest": counted | "Commonest" >> beam.combiners.Top.LargestPerKey(limit),
    }
    return (
        both
        | "JoinSlices" >> beam.CoGroupByKey()
        | "FoundSlices" >> beam.MapTuple(_found).with_output_types(tuple[str, Found])
    )


def keep(slices: Mapping[str, str], found: Mapping[str, Found]) -> dict[str, str]:
    """The slices of one image that are reported."""
    return {name: value for name, value in slices.items() if value in found[name][1]}


def notes(found: Mapping[str, Found]) -> tuple[str, ...]:
    """A sentence for each feature of which only some values are reported."""
    return tuple(
        f"{feature} has {count:,} values among the test images; figures are given for the "
        f"{len(kept)} commonest (evaluate.max_slices)"
        for feature, (count, kept) in sorted(found.items())
        if len(kept) < count
    )


def _items(row: Row) -> Iterable[tuple[str, str]]:
    return row.slices.items()


def _by_feature(item: tuple[str, str], count: int) -> tuple[str, tuple[int, str]]:
    return item[0], (count, item[1])


def _found(feature: str, joined: Mapping[str, Any]) -> tuple[str, Found]:
    [count], [commonest] = joined["count"], joined["commonest"]
    return feature, (count, tuple(value for _, value in commonest))
