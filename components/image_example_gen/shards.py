"""Which records go into which shard: in a fixed shuffled order, cut where a shard would grow too large.

plan_shards({"train": [span, ...], "val": [...]}, max_bytes=64 << 20, min_shards=4)
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence

ShardPlan = list[tuple[int, list[tuple[int, int]]]]


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A staged record: in which block's file, from which byte, how many bytes."""

    block: int
    offset: int
    length: int


def order_key(name: str) -> bytes:
    """Where a file comes in the output: a hash of its name, so neighbours in the input are none in training."""
    return hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def plan_shards(
    splits: Mapping[str, Sequence[Span]], *, max_bytes: float, min_shards: int
) -> dict[str, ShardPlan]:
    """Cuts every split into shards.

    Args:
      splits: records of each split in the order in which they shall be written.
      max_bytes: what a shard may hold before compression; one larger record has a shard to itself.
      min_shards: how many a split has at least, if it has as many records.

    Returns:
      Plan by file name such as `Split-train/data_tfrecord-00000-of-00004.gz`.
    """
    plans: dict[str, ShardPlan] = {}
    for split, spans in splits.items():
        total = sum(span.length for span in spans)
        cuts = _cut(spans, min(max_bytes, math.ceil(total / min_shards)))
        for number, part in enumerate(cuts):
            plans[f"Split-{split}/data_tfrecord-{number:05d}-of-{len(cuts):05d}.gz"] = _by_block(
                part
            )
    return plans


def _cut(spans: Sequence[Span], limit: float) -> list[list[Span]]:
    cuts: list[list[Span]] = []
    room = 0.0
    for span in spans:
        if span.length > room or not cuts:
            cuts.append([])
            room = limit
        cuts[-1].append(span)
        room -= span.length
    return cuts


def _by_block(spans: Sequence[Span]) -> ShardPlan:
    """Runs of records of the same block, in order."""
    plan: ShardPlan = []
    for span in spans:
        if not plan or plan[-1][0] != span.block:
            plan.append((span.block, []))
        plan[-1][1].append((span.offset, span.length))
    return plan
