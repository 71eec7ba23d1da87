"""Multinomial logistic regression with an L2 penalty: the head on features that stay as they are.

    fits = list(path(features, labels, classes=6, penalties=(300, 100, 30)))
    fits[0].kernel, fits[0].bias

The problem is convex, so L-BFGS ends at its one answer in a few dozen passes, whatever the seed. The penalty is what
matters: thousands of photos and hundreds of features are separable, and without it the answer is a memory of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

_SMALLEST_DEVIATION = 1e-3


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
    features.

    Args:
      features: float [N, D].
      labels: integers [N] below `classes`.
      classes: number of classes.
      penalties: at least 0.
      weights: float [N] of each row, 1 where missing.
      iterations: of L-BFGS for each penalty, at most.
    """
    rows = np.ones(len(labels), np.float32) if weights is None else weights.astype(np.float32)
    mean = features.mean(0)
    deviation = features.std(0) + _SMALLEST_DEVIATION
    standard = ((features - mean) / deviation).astype(np.float32)
    problem = _Problem(standard, labels, classes, rows)
    at = np.zeros((standard.shape[1] + 1) * classes)
    for penalty in penalties:
        at = problem.solve(at, penalty, iterations)
        kernel = at[classes:].reshape(-1, classes) / deviation[:, None]
        yield Fit(penalty, kernel, at[:classes] - mean @ kernel)


@dataclasses.dataclass(frozen=True)
class _Problem:
    features: NDArray[np.float32]
    labels: NDArray[Any]
    classes: int
    weights: NDArray[np.float32]

    def solve(self, start: NDArray[Any], penalty: float, iterations: int) -> NDArray[Any]:
        """The flat answer: biases, then the kernel row by row."""
        options = {"maxiter": iterations, "ftol": 1e-7, "gtol": 1e-5}
        found = minimize(self.cost, start, (penalty,), method="L-BFGS-B", jac=True, options=options)
        return np.asarray(found.x)

    def cost(self, flat: NDArray[Any], penalty: float) -> tuple[float, NDArray[Any]]:
        """Mean cost of a row and its gradient."""
        bias, kernel = flat[: self.classes], flat[self.classes :].reshape(-1, self.classes)
        logs = log_softmax(self.features @ kernel.astype(np.float32) + bias, axis=1)
        each = np.arange(len(self.labels)), self.labels
        error = np.exp(logs)
        error[each] -= 1
        error *= self.weights[:, None]
        total = self.weights.sum()
        value = -(self.weights * logs[each]).sum() + penalty * (kernel**2).sum() / 2
        slope = self.features.T @ error.astype(np.float32) + penalty * kernel
        return float(value / total), np.concatenate([error.sum(0), slope.ravel()]) / total
