"""What training sees: photos through the trainer's own augmentation and CutMix, with the labels that come out.

strip = augment_strip(encoded, labels, class_names, train_config)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from trainer.config import TrainConfig


class Seen(NamedTuple):
    """Pixels that training saw, uint8 [S, S, 3], and each class's share of the label, above zero."""

    pixels: npt.NDArray[np.uint8]
    labels: dict[str, float]


def augment_strip(
    encoded: Sequence[bytes],
    labels: Sequence[int],
    class_names: Sequence[str],
    config: TrainConfig,
) -> list[Seen]:
    """One batch as the training loop would make it from these photos, in their order.

    Args:
      encoded: images as stored.
      labels: index of each one's class.
      class_names: names by index.
      config: the run's training settings.
    """
    import tensorflow as tf

    from trainer import augment
    from trainer.mixing import mix_batch

    images = tf.stack([_loaded(data, i, config) for i, data in enumerate(encoded)])
    step = tf.constant(0, tf.int64)
    mixed, shares = mix_batch(
        step,
        (images, tf.constant(list(labels), tf.int64)),
        # One-hot, whatever form training uses, so that shares can be read off.
        config=config.model_copy(update={"label_mode": "categorical"}),
        class_count=len(class_names),
        mixing_steps=1,
        pixel_layers=augment.PixelLayers(config.augment, config.seed),
    )
    return [
        Seen(row, {class_names[k]: float(share[k]) for k in np.argsort(-share) if share[k] > 5e-4})
        for row, share in zip(np.asarray(mixed), np.asarray(shares), strict=True)
    ]


def _loaded(encoded: bytes, index: int, config: TrainConfig) -> Any:
    import tensorflow as tf

    from trainer import augment
    from trainer.image import Geometry, load_window, source_size, window_at

    geometry, data = Geometry.of(config), tf.constant(encoded)
    draw = augment.draw_example(config.seed, tf.constant(index, tf.int64))
    window = window_at(source_size(data), geometry, draw.position)
    pixels = load_window(data, geometry, window)
    return augment.flip(pixels, draw.mirrored) if config.flip else pixels
