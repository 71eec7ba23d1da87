"""The evaluation's answers, boiled down while they stream by: worst losses and most confused pairs.

worst, pairs = boil_down(predictions, losses=24, pairs=12)
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

PICTURES_PER_PAIR = 6
_LEAST = 1e-7


class Answer(NamedTuple):
    """One answer; `loss` is in nats. Sorts by loss, then path."""

    loss: float
    path: str
    label: str
    answer: str
    probability: float
    label_probability: float


class Pair(NamedTuple):
    """A true class, what it was taken for, how many times, of how many images, and some paths."""

    label: str
    answer: str
    times: int
    of: int
    paths: tuple[str, ...]


def boil_down(
    predictions: Iterable[Mapping[str, Any]], *, losses: int, pairs: int
) -> tuple[list[Answer], list[Pair]]:
    """Keeps the worst answers and counts confusions, in memory that does not grow with the answers."""
    worst: list[Answer] = []
    confused: Counter[tuple[str, str]] = Counter()
    of_label: Counter[str] = Counter()
    paths: dict[tuple[str, str], list[str]] = {}
    for row in predictions:
        one = _answer(row)
        of_label[one.label] += 1
        if losses:
            (heapq.heappush if len(worst) < losses else heapq.heappushpop)(worst, one)
        if one.answer != one.label:
            key = (one.label, one.answer)
            confused[key] += 1
            kept = paths.setdefault(key, [])
            if len(kept) < PICTURES_PER_PAIR:
                kept.append(one.path)
    ranked = sorted(confused.items(), key=lambda item: (-item[1], item[0]))[:pairs]
    found = [Pair(*key, count, of_label[key[0]], tuple(paths[key])) for key, count in ranked]
    return sorted(worst, reverse=True), found


def _answer(row: Mapping[str, Any]) -> Answer:
    share = float(row["label_probability"])
    return Answer(
        -math.log(max(share, _LEAST)),
        str(row["path"]),
        str(row["label"]),
        str(row["answer"]),
        float(row["probability"]),
        share,
    )
