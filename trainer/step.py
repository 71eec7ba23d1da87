"""One training step, on one device or several.

step = TrainStep(network, variables, config, groups, strategy)
outcome = step(images, labels, rate=1e-3, number=0)
outcome.loss, outcome.correct, outcome.gradient_norm
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from numpy.typing import NDArray

from trainer import losses
from trainer.config import TrainConfig
from trainer.model import Network
from trainer.optimizer import FlatOptimizer, Groups, flatten
from trainer.scaling import LossScale


class Outcome(NamedTuple):
    """What a step says about itself.

    Attributes:
      loss: mean loss of the batch, float32 scalar.
      correct: images whose heaviest label is the likeliest class, int64 scalar.
      gradient_norm: before clipping, float32 scalar.
    """

    loss: tf.Tensor
    correct: tf.Tensor
    gradient_norm: tf.Tensor


class TrainStep:
    """Owns the optimizer of a run and the compiled step."""

    def __init__(
        self,
        network: Network,
        variables: Sequence[keras.Variable],
        config: TrainConfig,
        groups: Groups,
        strategy: tf.distribute.Strategy,
        class_weights: NDArray[Any] | None = None,
    ) -> None:
        self._network, self._config, self._strategy = network, config, strategy
        self._weights = None if class_weights is None else tf.constant(class_weights)
        self._variables = list(variables)
        with strategy.scope():
            self.optimizer = FlatOptimizer(variables, config.optimizer, groups)
            self._scale = LossScale() if network.model.compute_dtype == "float16" else None
        if self._scale is not None:
            self.optimizer.slots["loss_scale"] = self._scale.state
        self._run = tf.function(self._distributed, jit_compile=config.jit_compile or None)

    def __call__(
        self, images: tf.Tensor, labels: tf.Tensor, *, rate: float, number: int
    ) -> Outcome:
        """Trains on one batch.

        Args:
          images: uint8 [B, S, S, 3], or one such tensor a replica.
          labels: in the form of `label_mode`.
          rate: learning rate of the step.
          number: finished steps.
        """
        as_tensor = tf.constant
        return Outcome(
            *self._run(images, labels, as_tensor(rate, tf.float32), as_tensor(number, tf.int64))
        )

    def _distributed(
        self, images: tf.Tensor, labels: tf.Tensor, rate: tf.Tensor, number: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        gradient, loss, correct = self._strategy.run(self._gradient, (images, labels))
        reduce, mean = self._strategy.reduce, tf.distribute.ReduceOp.MEAN
        norm = self._update(reduce(mean, gradient, axis=None), rate, number)
        total = reduce(tf.distribute.ReduceOp.SUM, correct, axis=None)
        return reduce(mean, loss, axis=None), total, norm

    def _update(self, gradient: tf.Tensor, rate: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        """Applies the gradient unless float16 overflowed; returns its norm."""
        if self._scale is None:
            return self.optimizer.apply(gradient, rate, number)
        norm = tf.norm(gradient)
        return tf.cond(
            self._scale.update(norm),
            lambda: self.optimizer.apply(gradient, rate, number),
            lambda: norm,
        )

    def _gradient(
        self, images: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        config, network = self._config, self._network
        scale = 1.0 if self._scale is None else self._scale.factor
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([one.value for one in self._variables])
            pixels = tf.cast(images, network.model.compute_dtype)
            # A folded trunk has no BatchNorm to keep in inference mode.
            training = config.updates_batch_norm or network.trunk is not network.backbone
            features = network.features(pixels, training=training)
            logits = network.head(features, training=True)
            each = losses.example_losses(
                logits, labels, mode=config.label_mode, smoothing=config.label_smoothing
            )
            if self._weights is not None:
                each *= losses.label_weights(labels, self._weights, config.label_mode)
            loss = tf.reduce_mean(each)
            scaled = loss * scale
        values = [one.value for one in self._variables]
        gradient = flatten(tape.gradient(scaled, values, unconnected_gradients="zero")) / scale
        right = tf.argmax(logits, -1) == losses.hard_labels(labels, config.label_mode)
        return gradient, loss, tf.reduce_sum(tf.cast(right, tf.int64))
