"""Temperature scaling (arXiv 1706.04599): confidence that means what it says, without another answer changing.

    temperature = calibrate(network, evaluation_batches(val, config))

Label smoothing and CutMix teach a network to be less sure than it could be, long training to be surer. One number,
fitted on the held-out split, divides the logits; it goes into the head's normalisation, and so into every export.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from trainer.model import Network

_PRIOR_SIGMA = 0.5
_LARGEST = 8.0


def calibrate(network: Network, batches: tf.data.Dataset) -> float:
    """Divides the network's logits by the temperature that fits the batches best.

    Args:
      network: trained; its head is changed.
      batches: uint8 images [B, S, S, 3] and int64 labels [B].

    Returns:
      The temperature, above 1 for a network that was too sure, 1 where there are no images.
    """
    logits, labels = Logits(network)(batches)
    temperature = fit_temperature(logits, labels)
    for weight in (network.norm.gamma, network.norm.beta):
        weight.assign(weight / temperature)
    return temperature


def fit_temperature(logits: NDArray[Any], labels: NDArray[Any]) -> float:
    """The temperature from 1/8 to 8 of the greatest posterior probability.

    The logarithm of the temperature has a normal prior around 0 with deviation 0.5: a few dozen images that are all
    answered rightly would otherwise ask for certainty.

    Args:
      logits: float [N, C].
      labels: integers [N].
    """
    if not len(labels):
        return 1.0

    def cost(log_temperature: float) -> float:
        losses = cross_entropy(logits / math.exp(log_temperature), labels)
        return float(losses.sum()) + (log_temperature / _PRIOR_SIGMA) ** 2 / 2

    bound = math.log(_LARGEST)
    return math.exp(minimize_scalar(cost, bounds=(-bound, bound), method="bounded").x)


def cross_entropy(logits: NDArray[Any], labels: NDArray[Any]) -> NDArray[Any]:
    """Loss of each row, float [N], of logits [N, C] against labels [N]."""
    return np.asarray(logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels])


class Logits:
    """A network's logits on held-out images, compiled once."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._run = tf.function(self._batch, reduce_retracing=True)

    def __call__(self, batches: tf.data.Dataset) -> tuple[NDArray[Any], NDArray[Any]]:
        """Logits, float64 [N, C], and labels, int64 [N], of batches of uint8 images and labels."""
        parts = [(self._run(images).numpy(), labels.numpy()) for images, labels in batches]
        if not parts:
            return np.zeros((0, 1)), np.zeros(0, np.int64)
        logits, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
        return logits.astype(np.float64), labels

    def _batch(self, images: tf.Tensor) -> tf.Tensor:
        network = self._network
        pixels = tf.cast(images, network.model.compute_dtype)
        return network.head(network.features(pixels), training=False)
