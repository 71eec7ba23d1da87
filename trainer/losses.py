"""The loss that fits the form of the labels, always from logits.

loss = example_losses(logits, labels, mode="categorical", smoothing=0.1)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.errors import UserError


def example_losses(
    logits: tf.Tensor, labels: tf.Tensor, *, mode: str, smoothing: float = 0.0
) -> tf.Tensor:
    """Cross-entropy of each example, float32 [B].

    Args:
      logits: float32 [B, C].
      labels: int64 [B] for int, float32 [B] in [0, 1] for binary, float32 [B, C] for categorical.
      mode: the form of the labels; binary reads the two logits' difference, so that the softmax of the head stays the
        probability.
      smoothing: share of each label that is spread over all classes.
    """
    if mode == "int":
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    if mode == "binary":
        smooth = labels * (1.0 - smoothing) + smoothing / 2
        return tf.nn.sigmoid_cross_entropy_with_logits(smooth, logits[:, 1] - logits[:, 0])
    smooth = labels * (1.0 - smoothing) + smoothing / logits.shape[-1]
    return tf.nn.softmax_cross_entropy_with_logits(smooth, logits)


def hard_labels(labels: tf.Tensor, mode: str) -> tf.Tensor:
    """The heaviest class of each label, int64 [B]; what accuracy is counted against."""
    if mode == "int":
        return labels
    if mode == "binary":
        return tf.cast(labels >= 0.5, tf.int64)
    return tf.argmax(labels, -1)


def class_weights(counts: NDArray[Any]) -> NDArray[Any]:
    """Weights inverse to class frequency with mean 1 over the examples, float32 [C].

    A class without examples weighs 1: it meets the loss nowhere.
    """
    present = counts > 0
    weights = counts.sum() / (present.sum() * np.maximum(counts, 1))
    return np.where(present, weights, 1.0).astype(np.float32)


def label_weights(labels: tf.Tensor, weights: tf.Tensor, mode: str) -> tf.Tensor:
    """The weight of each example under its (mixed) label, float32 [B]."""
    if mode == "int":
        return tf.gather(weights, labels)
    if mode == "binary":
        return weights[0] + labels * (weights[1] - weights[0])
    return tf.linalg.matvec(labels, weights)


def check_label_mode(mode: str, class_names: Sequence[str]) -> None:
    """Refuses binary labels for anything but two classes.

    Raises:
      UserError: there are more or fewer.
    """
    if mode == "binary" and len(class_names) != 2:
        raise UserError(
            f"`label_mode: binary` needs exactly 2 classes, and the data has {len(class_names)}: "
            f"{', '.join(class_names)}",
            fix="set `label_mode: categorical`",
        )
