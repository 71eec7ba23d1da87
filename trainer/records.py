"""What training reads from one serialized example.

encoded, label = parse(record)
"""

from __future__ import annotations

import tensorflow as tf

from trainer.features import IMAGE, LABEL


def parse(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """One serialized example to its encoded image (string) and label (int64)."""
    spec = {
        IMAGE: tf.io.FixedLenFeature([], tf.string),
        LABEL: tf.io.FixedLenFeature([], tf.int64),
    }
    example = tf.io.parse_single_example(record, spec)
    return example[IMAGE], example[LABEL]
