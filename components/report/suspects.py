"""Likely label errors by confident learning (Northcutt et al. 2021, arXiv 1911.00068), and the list to act on.

    rows = label_errors(labels, probabilities)
    rows[0].position, rows[0].suggested

cleanlab estimates from the confident joint how many labels are wrong, and takes that many with the smallest margin
between the probability of the label and that of the likeliest other class.
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


def label_errors(labels: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> list[Error]:
    """Finds likely label errors.

    Args:
      labels: int [N], index of the class that each image is filed under.
      probabilities: float [N, C], of a model that was not trained on these images; rows with NaN are passed over.

    Returns:
      The likeliest first, each with another class that is likelier than its label; none where there are fewer than
      two classes.
    """
    rows = np.flatnonzero(np.isfinite(probabilities).all(axis=1))
    classes = np.unique(labels[rows])
    if len(classes) < 2:
        return []
    own, scores = _without_absent_classes(labels[rows], probabilities[rows], classes)
    found = _issues(own, scores)
    others = scores.copy()
    others[np.arange(len(own)), own] = -1.0
    best = others.argmax(axis=1)
    return [
        Error(int(rows[row]), int(classes[best[row]]))
        for row in found
        if scores[row, best[row]] > scores[row, own[row]]
    ]


def _without_absent_classes(
    labels: npt.NDArray[Any], probabilities: npt.NDArray[Any], classes: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Labels 0 to C-1 and rows that add up to 1, over the classes that have images: no other can be suggested."""
    scores = probabilities[:, classes].astype(np.float64)
    totals = scores.sum(axis=1, keepdims=True)
    even = np.full_like(scores, 1 / len(classes))
    return np.searchsorted(classes, labels), np.where(
        totals > 0, scores / np.where(totals > 0, totals, 1), even
    )


def _issues(labels: npt.NDArray[Any], scores: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Rows, the likeliest error first."""
    from cleanlab.filter import find_label_issues

    return np.asarray(
        find_label_issues(
            labels,
            scores,
            filter_by="low_normalized_margin",
            return_indices_ranked_by="normalized_margin",
            n_jobs=1,
        )
    )


def as_csv(suspects: Iterable[Suspect]) -> str:
    """The list as CSV with a header; figures have four decimals."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in suspects:
        figures = (f"{one.label_probability:.4f}", f"{one.suggested_probability:.4f}")
        writer.writerow((one.path, one.split, one.label, one.suggested, *figures))
    return buffer.getvalue()
