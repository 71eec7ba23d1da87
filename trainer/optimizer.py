"""AdamW, Adam or SGD over one flat vector, its schedule, and the moving average of the weights.

    optimizer = FlatOptimizer(variables, config, Groups.uniform(variables))
    optimizer.apply(flat_gradient, learning_rate, step)

All weights are one vector here: a step is some twenty operations on it instead of twenty for each of 150 variables, a
checkpoint is four arrays, and between devices one vector is reduced.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.config import OptimizerConfig

_SGD_MOMENTUM = 0.9


@dataclasses.dataclass(frozen=True)
class Groups:
    """What differs between variables, one entry a variable.

    Attributes:
      multipliers: factor on the learning rate.
      decayed: whether weight decay applies (kernels, not biases or norms).
      starts: the step at which the variable begins to learn.
      scales: the unit of each variable, broadcast to its shape: what is optimised is the variable divided by it; empty
        for 1 everywhere.
    """

    multipliers: Sequence[float]
    decayed: Sequence[bool]
    starts: Sequence[int]
    scales: Sequence[NDArray[Any]] = ()

    @classmethod
    def uniform(cls, variables: Sequence[keras.Variable]) -> Groups:
        """Every variable alike; kernels decay."""
        count = len(variables)
        return cls([1.0] * count, [is_kernel(one) for one in variables], [0] * count)


def is_kernel(variable: keras.Variable) -> bool:
    """Whether a variable is a kernel, which weight decay is for."""
    return len(variable.shape) > 1


def learning_rate_at(step: int, steps: int, peak: float, config: OptimizerConfig) -> float:
    """Learning rate of a step: a linear rise, then cosine decay to 0 or a constant."""
    warmup = round(steps * config.warmup_fraction)
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    if config.schedule == "constant":
        return peak
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))


def flatten(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Tensors end to end, float32 [N]."""
    return tf.concat([tf.reshape(tf.cast(one, tf.float32), [-1]) for one in tensors], 0)


class FlatOptimizer:
    """Updates variables by a flat gradient.

    Attributes:
      variables: what is trained.
      slots: name to flat float32 state vector, for checkpoints.
    """

    def __init__(
        self, variables: Sequence[keras.Variable], config: OptimizerConfig, groups: Groups
    ) -> None:
        self.variables = list(variables)
        self._config = config
        self._sizes = [math.prod(one.shape) for one in self.variables]
        self._rates = self._spread(groups.multipliers)
        decay = config.weight_decay if config.name == "adamw" else 0.0
        self._decays = self._spread([decay * flag for flag in groups.decayed])
        self._starts = self._spread(groups.starts) if any(groups.starts) else None
        self._scales = self._flat_scales(groups.scales) if groups.scales else None
        count = sum(self._sizes)
        names = ["momentum"] if config.name == "sgd" else ["first", "second"]
        self.slots = {name: tf.Variable(tf.zeros([count]), trainable=False) for name in names}
        if config.ema_decay is not None:
            self.slots["ema"] = tf.Variable(self.flat_weights(), trainable=False)

    def flat_weights(self) -> tf.Tensor:
        """The variables as one float32 [N]."""
        return flatten([one.value for one in self.variables])

    def assign(self, flat: tf.Tensor) -> None:
        """Sets the variables from a float32 [N]."""
        for variable, part in zip(self.variables, tf.split(flat, self._sizes), strict=True):
            variable.assign(tf.reshape(part, variable.shape))

    def reset_average(self) -> None:
        """Starts the moving average at the present weights."""
        if "ema" in self.slots:
            self.slots["ema"].assign(self.flat_weights())

    def apply(self, gradient: tf.Tensor, rate: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """One step.

        Args:
          gradient: float32 [N].
          rate: float32 scalar, the learning rate of the step.
          step: int64 scalar, from 0.

        Returns:
          The gradient's global norm before clipping and in the variables' own units, float32 scalar.
        """
        if self._scales is not None:
            gradient *= self._scales
        norm = tf.norm(gradient)
        clip = self._config.clip_norm
        if clip is not None:
            gradient *= tf.minimum(1.0, clip / (norm + 1e-12))
        rates = rate * self._rates
        if self._starts is not None:
            active = tf.cast(tf.cast(step, tf.float32) >= self._starts, tf.float32)
            rates, gradient = rates * active, gradient * active
        weights = self.flat_weights()
        direction = self._direction(gradient, step)
        if self._scales is not None:
            direction *= self._scales
        weights -= rates * (direction + self._decays * weights)
        self.assign(weights)
        self._average(weights, step)
        return norm

    def _direction(self, gradient: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        config = self._config
        if config.name == "sgd":
            momentum = self.slots["momentum"]
            momentum.assign(_SGD_MOMENTUM * momentum + gradient)
            return tf.convert_to_tensor(momentum)
        first, second = self.slots["first"], self.slots["second"]
        first.assign(first + (1 - config.beta_1) * (gradient - first))
        second.assign(second + (1 - config.beta_2) * (tf.square(gradient) - second))
        count = tf.cast(step + 1, tf.float32)
        mean = first / (1 - tf.pow(config.beta_1, count))
        variance = second / (1 - tf.pow(config.beta_2, count))
        return mean / (tf.sqrt(variance) + config.epsilon)

    def _average(self, weights: tf.Tensor, step: tf.Tensor) -> None:
        if self._config.ema_decay is None:
            return
        count = tf.cast(step, tf.float32)
        decay = tf.minimum(self._config.ema_decay, (1 + count) / (10 + count))
        ema = self.slots["ema"]
        ema.assign(ema + (1 - decay) * (weights - ema))

    def _flat_scales(self, scales: Sequence[NDArray[Any]]) -> tf.Tensor:
        pairs = zip(scales, self.variables, strict=True)
        flat = [np.broadcast_to(scale, one.shape).ravel() for scale, one in pairs]
        return tf.constant(np.concatenate(flat), tf.float32)

    def _spread(self, values: Sequence[float]) -> tf.Tensor:
        if len(set(values)) == 1:
            return tf.constant(float(values[0]))
        return tf.constant(np.repeat(np.asarray(values, np.float32), self._sizes))
