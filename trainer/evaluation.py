"""How good a network is on held-out images: what chooses the epoch, the penalty of the head and the tuned settings.

    scores = Evaluator(network, calibrated=True)(evaluation_batches(val, config))
    scores.loss, scores.accuracy

Label smoothing, CutMix and a strong penalty leave networks unsure, each to another degree, and all of them are given
the temperature that fits best before they are exported. So losses are compared at that temperature: otherwise an
epoch that answers more rightly loses to one that is only surer of itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
from numpy.typing import NDArray

from trainer.calibration import Logits, cross_entropy, fit_temperature
from trainer.model import Network


class Scores(NamedTuple):
    """Held-out figures of a split.

    Attributes:
      loss: mean cross-entropy without smoothing.
      accuracy: share of right answers, 0 to 1.
    """

    loss: float
    accuracy: float


class Evaluator:
    """Scores a network on batches of uint8 images and int64 labels."""

    def __init__(self, network: Network, *, calibrated: bool) -> None:
        self._logits, self._calibrated = Logits(network), calibrated

    def __call__(self, batches: tf.data.Dataset) -> Scores:
        """Scores all batches; an empty dataset scores NaN."""
        return score(*self._logits(batches), calibrated=self._calibrated)


def score(logits: NDArray[Any], labels: NDArray[Any], *, calibrated: bool) -> Scores:
    """Scores of logits [N, C] against labels [N], at the best temperature where `calibrated`."""
    if not len(labels):
        return Scores(float("nan"), float("nan"))
    scaled = logits / fit_temperature(logits, labels) if calibrated else logits
    return Scores(
        float(cross_entropy(scaled, labels).mean()), float((logits.argmax(1) == labels).mean())
    )
