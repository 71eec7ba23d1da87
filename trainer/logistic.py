"""Multinomial logistic regression with an L2 penalty: the head on features that stay as they are.

    fits = list(path(features, labels, classes=6, penalties=(300, 100, 30)))
    fits[0].kernel, fits[0].bias

scikit-learn's, over one penalty after the other. The problem is convex, so L-BFGS ends at its one answer in a few dozen
passes, whatever the seed. The penalty is what matters: thousands of photos and hundreds of features are separable, and
without it the answer is a memory of them.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SMALLEST_DEVIATION = 1e-3
_NEVER_SEEN = -10.0


@dataclasses.dataclass(frozen=True)
class Fit:
    """One answer.

    Attributes:
      penalty: the penalty that it was found under.
      kernel: float64 [D, C], for the features as they were given.
      bias: float64 [C].
    """

    penalty: float
    kernel: NDArray[Any]
    bias: NDArray[Any]

    def logits(self, features: NDArray[Any]) -> NDArray[Any]:
        """Logits [N, C] of features [N, D]."""
        return np.asarray(features @ self.kernel + self.bias)


def path(
    features: NDArray[Any],
    labels: NDArray[Any],
    *,
    classes: int,
    penalties: Sequence[float],
    weights: NDArray[Any] | None = None,
    iterations: int = 100,
) -> Iterator[Fit]:
    """Fits under one penalty after the other, each from the answer before: go from strong to weak.

    Minimises the sum of `weights * cross-entropy` plus half the penalty times the squared kernel of the standardised
    features. A class without a row is given a logit far below the others'.

    Args:
      features: float [N, D].
      labels: integers [N] below `classes`.
      classes: number of classes.
      penalties: at least 0.
      weights: float [N] of each row, 1 where missing.
      iterations: of L-BFGS for each penalty, at most.
    """
    from sklearn.linear_model import LogisticRegression

    mean = features.mean(0)
    deviation = features.std(0) + _SMALLEST_DEVIATION
    standard = ((features - mean) / deviation).astype(np.float32)
    model = LogisticRegression(warm_start=True, max_iter=iterations)
    seen = np.unique(labels)
    for penalty in penalties:
        kernel, bias = np.zeros((standard.shape[1], classes)), np.full(classes, _NEVER_SEEN)
        if len(seen) > 1:
            # For two classes scikit-learn has one vector w, ours being -w/2 and w/2: half as much to be held down.
            model.C = (2 if len(seen) == 2 else 1) / penalty if penalty else np.inf
            kernel[:, seen], bias[seen] = _solve(model, standard, labels, weights)
        else:
            bias[seen] = 0
        kernel /= deviation[:, None]
        yield Fit(penalty, kernel, bias - mean @ kernel)


def _solve(
    model: Any,
    features: NDArray[Any],
    labels: NDArray[Any],
    weights: NDArray[Any] | None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Kernel [D, K] and bias [K] for the K classes that have rows, at least two."""
    from scipy.optimize import OptimizeWarning
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # `iterations` is a limit that may be reached.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # scikit-learn 1.5 gives newer scipy an option that it no longer knows.
        warnings.simplefilter("ignore", OptimizeWarning)
        model.fit(features, labels, weights)
    kernel, bias = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:
        return np.concatenate([-kernel, kernel], 1) / 2, np.concatenate([-bias, bias]) / 2
    return kernel, bias
