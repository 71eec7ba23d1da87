"""The statistics behind the rules, as functions of counts.

mcnemar_worse(only_old=14, only_new=3)     # 0.006: hardly an accident
accuracy_lower_bound(right=95, total=100, risk=0.05)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def mcnemar_worse(only_old: int, only_new: int) -> float:
    """Exact one-sided McNemar test that the new model is worse.

    Only images on which exactly one of the two is right tell them apart; were the models equally good, each such image
    would favour either with probability one half (McNemar, Psychometrika 1947, in its exact binomial form).

    Args:
      only_old: images that only the old model got right.
      only_new: images that only the new model got right.

    Returns: the probability of a split at least as bad for the new model by accident, 0 to 1.
    """
    from scipy.stats import binom

    if only_old + only_new == 0:
        return 1.0
    return float(binom.sf(only_old - 1, only_old + only_new, 0.5))


def accuracy_lower_bound(right: int, total: int, risk: float) -> float:
    """Exact one-sided lower bound of a share (Clopper and Pearson, Biometrika 1934).

    The true share lies below it with a probability of at most `risk`.
    """
    from scipy.stats import beta

    return float(beta.ppf(risk, right, total - right + 1)) if right else 0.0


def auc_from_histograms(positives: Floats, negatives: Floats) -> float | None:
    """Area under the ROC curve from counts by score bin, ascending; ties within a bin count half.

    Args:
      positives, negatives: [bins] images of the class, and of all others, by score.

    Returns: 0 to 1, or None where either is empty.
    """
    if not positives.sum() or not negatives.sum():
        return None
    below = np.concatenate([[0.0], np.cumsum(negatives)[:-1]])
    wins = np.sum(positives * (below + negatives / 2))
    return float(wins / (positives.sum() * negatives.sum()))


def calibration_error(counts: Floats, confidence_sums: Floats, right: Floats) -> float:
    """Expected calibration error (Naeini et al., AAAI 2015) from sums by bin of confidence.

    Args:
      counts: [bins] images.
      confidence_sums: [bins] sum of their confidences.
      right: [bins] images answered rightly.

    Returns: 0 to 1; 0 for no images.
    """
    total = counts.sum()
    return float(np.abs(confidence_sums - right).sum() / total) if total else 0.0


def f1_score(precision: float | None, recall: float | None) -> float | None:
    """Harmonic mean; None where either is unknown, 0 where both are 0."""
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def share(part: float, whole: float) -> float | None:
    """`part / whole`, or None where there is nothing to divide by."""
    return float(part) / float(whole) if whole else None
