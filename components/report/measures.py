"""How the images are distributed: one histogram a measure, and a few photos of each class to look at.

histograms(table), sample_paths(table, class_names, per_class=6)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.data_gate.image_table import ImageTable
from components.report.content import Histogram

_SHOWN = ("brightness", "contrast", "saturation", "sharpness", "megapixels", "aspect_ratio")
_BINS = 24
_TAIL = 0.5
_TELLING = 1e-3


def histograms(table: ImageTable) -> tuple[Histogram, ...]:
    """Of each measure that differs between images; the outermost half a percent each side fall into the end bins.

    What differs in a few images alone, or by less than the axis can tell, is not drawn.
    """
    drawn = (_histogram(name, table.stats[name]) for name in _SHOWN if name in table.stats)
    return tuple(one for one in drawn if one is not None)


def _histogram(name: str, values: npt.NDArray[np.float64]) -> Histogram | None:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = np.percentile(finite, [_TAIL, 100 - _TAIL])
    if high - low <= _TELLING * max(abs(low), abs(high)):
        return None
    counts, edges = np.histogram(finite.clip(low, high), _BINS, (low, high))
    return Histogram(
        name=name,
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        median=float(np.median(finite)),
    )


def sample_paths(
    table: ImageTable, class_names: Sequence[str], *, per_class: int
) -> dict[str, list[str]]:
    """Photos of train spread evenly over each class, by class."""
    rows: dict[str, list[int]] = {name: [] for name in class_names}
    for row, (name, split) in enumerate(zip(table.class_names, table.splits, strict=True)):
        if split == "train" and name in rows:
            rows[name].append(row)
    return {name: [table.paths[row] for row in _spread(of, per_class)] for name, of in rows.items()}


def _spread(rows: list[int], count: int) -> list[int]:
    step = max(len(rows) / count, 1.0) if count else 1.0
    return [rows[int(i * step)] for i in range(min(count, len(rows)))]
