"""Dynamic loss scaling for float16, as in mixed-precision training (arXiv 1710.03740).

    scale = LossScale()
    gradient = gradient_of(loss * scale.factor) / scale.factor
    finite = scale.update(gradient_norm)        # False: leave this step out

Small float16 gradients vanish unless the loss is multiplied first; too large a factor overflows. So the factor halves
after an overflow and doubles after many steps without one.
"""

from __future__ import annotations

import tensorflow as tf

_FIRST = 2.0**15
_STEADY_STEPS = 2000.0


class LossScale:
    """The factor and how long it has held.

    Attributes:
      state: float32 [2], the factor and the steps since it last changed; part of a checkpoint.
    """

    def __init__(self) -> None:
        self.state = tf.Variable([_FIRST, 0.0], trainable=False)

    @property
    def factor(self) -> tf.Tensor:
        """What to multiply the loss by, float32 scalar."""
        return tf.convert_to_tensor(self.state)[0]

    def update(self, norm: tf.Tensor) -> tf.Tensor:
        """Adapts the factor to a step.

        Args:
          norm: of the step's gradient, float32 scalar; infinite or NaN after an overflow.

        Returns:
          Whether the gradient can be used, bool scalar.
        """
        finite = tf.math.is_finite(norm)
        factor, held = tf.unstack(tf.convert_to_tensor(self.state))
        grows = finite & (held + 1 >= _STEADY_STEPS)
        factor = tf.where(finite, factor, tf.maximum(factor / 2, 1.0))
        held = tf.where(finite & ~grows, held + 1, 0.0)
        self.state.assign(tf.stack([tf.where(grows, factor * 2, factor), held]))
        return finite
