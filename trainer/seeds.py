"""Where every random draw of a run begins.

set_seeds(config)
"""

from __future__ import annotations

import keras
import tensorflow as tf

from trainer.config import TrainConfig


def set_seeds(config: TrainConfig) -> None:
    """Seeds Python, NumPy and TensorFlow, and asks for determinism where the settings do."""
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
