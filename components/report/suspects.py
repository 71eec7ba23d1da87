"""Likely label errors by confident learning (Northcutt et al. 2021, arXiv 1911.00068), and the list to act on.

    rows = confident_errors(labels, probabilities)
    rows[0].position, rows[0].suggested

An image is suspected when the model gives another class at least the probability that it gives, on average, to images
filed under that class, and more than to the image's own label. The largest margin comes first. The rule is the
off-diagonal of that paper's confident joint; it is written here because it is ten lines.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from components.report.content import Suspect

COLUMNS = ("path", "split", "label", "suggested", "label_probability", "suggested_probability")


class Error(NamedTuple):
    """Row of an image, and the class it probably belongs to."""

    position: int
    suggested: int


def confident_errors(labels: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> list[Error]:
    """Finds likely label errors.

    Args:
      labels: int [N], index of the class that each image is filed under.
      probabilities: float [N, C], best of a model that was not trained on these images.

    Returns:
      The likeliest first; classes without images suggest nothing.
    """
    if not len(labels):
        return []
    rows = np.arange(len(labels))
    own = probabilities[rows, labels]
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    sums = np.bincount(labels, weights=own, minlength=probabilities.shape[1])
    limits = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    others = np.where(probabilities >= limits, probabilities, -1.0)
    others[rows, labels] = -1.0
    best = others.argmax(1)
    margin = others[rows, best] - own
    order = np.argsort(-margin, kind="stable")
    return [Error(int(row), int(best[row])) for row in order if margin[row] > 0]


def as_csv(suspects: Iterable[Suspect]) -> str:
    """The list as CSV with a header; figures have four decimals."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in suspects:
        figures = (f"{one.label_probability:.4f}", f"{one.suggested_probability:.4f}")
        writer.writerow((one.path, one.split, one.label, one.suggested, *figures))
    return buffer.getvalue()
