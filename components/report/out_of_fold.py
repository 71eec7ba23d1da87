"""Probabilities of each image's classes by a classifier that was not trained on it.

    probabilities = out_of_fold(features, labels, class_count=6)

A logistic regression on standardised features, cross-validated in folds that keep the share of each class. Its L2
strength is 1 against the mean loss, so that it does not change with the number of images.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

FOLDS = 5
_ITERATIONS = 300


def out_of_fold(
    features: npt.NDArray[Any], labels: npt.NDArray[Any], class_count: int
) -> npt.NDArray[np.float64]:
    """Cross-validated probabilities.

    Args:
      features: float [N, D].
      labels: int [N]; classes with a single image or none get the probability 0.
      class_count: number of classes, C.

    Returns:
      float64 [N, C]; rows of NaN for images of classes with a single image, which nothing can judge.
    """
    from scipy.optimize import OptimizeWarning
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probabilities = np.full((len(labels), class_count), np.nan)
    counts = np.bincount(labels, minlength=class_count)
    kept = counts[labels] > 1
    known = np.unique(labels[kept])
    if len(known) < 2:
        return probabilities
    folds = StratifiedKFold(int(min(FOLDS, counts[known].min())), shuffle=True, random_state=0)
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=1 / int(kept.sum()), max_iter=_ITERATIONS)
    )
    with warnings.catch_warnings():
        # A fit that stops early still ranks labels.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # scikit-learn 1.5 gives newer scipy an option that it no longer knows.
        warnings.simplefilter("ignore", OptimizeWarning)
        found = cross_val_predict(
            model, features[kept], labels[kept], cv=folds, method="predict_proba"
        )
    rows = np.zeros((int(kept.sum()), class_count))
    rows[:, known] = found
    probabilities[kept] = rows
    return probabilities
