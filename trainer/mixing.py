"""What happens to a whole training batch: labels take their form, then CutMix or MixUp mixes them.

images, labels = mix_batch(step, (images, labels), config=config, class_count=6, mixing_steps=300)
"""

from __future__ import annotations

import tensorflow as tf

from trainer import cutmix
from trainer.augment import PixelLayers
from trainer.config import TrainConfig


def mix_batch(
    step: tf.Tensor,
    batch: tuple[tf.Tensor, tf.Tensor],
    *,
    config: TrainConfig,
    class_count: int,
    mixing_steps: int,
    pixel_layers: PixelLayers | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Encodes labels and mixes images, drawing from the seed and the step alone.

    Args:
      step: int64 scalar, counted over the whole run.
      batch: uint8 [B, H, W, 3] and int64 [B].
      config: which mixing, and the form of labels.
      class_count: number of classes.
      mixing_steps: from this step on CutMix is off.
      pixel_layers: Keras's augmentation layers, applied before mixing.

    Returns:
      uint8 [B, H, W, 3] and labels in the form of `label_mode`.
    """
    images, labels = batch[0], encode_labels(batch[1], class_count, config.label_mode)
    seed = tf.stack([tf.constant(config.seed, tf.int64), step * 16])
    if pixel_layers is not None:
        images = pixel_layers(images, step)
    if config.augment.mixup_alpha is not None:
        images, labels = mixup(images, labels, config.augment.mixup_alpha, seed + 8)
    if not config.cutmix.enabled or config.cutmix.probability == 0:
        return images, labels

    def mixed() -> tuple[tf.Tensor, tf.Tensor]:
        count, height, width = images.shape[:3]
        return cutmix.apply(images, labels, cutmix.draw(count, height, width, config.cutmix, seed))

    images, labels = tf.cond(step < mixing_steps, mixed, lambda: (images, labels))
    return images, labels


def encode_labels(labels: tf.Tensor, class_count: int, mode: str) -> tf.Tensor:
    """Integer labels in the form that `label_mode` asks for.

    Returns:
      int64 [B] for int, float32 [B] for binary, float32 [B, C] for categorical.
    """
    if mode == "int":
        return labels
    if mode == "binary":
        return tf.cast(labels, tf.float32)
    return tf.one_hot(labels, class_count)


def mixup(
    images: tf.Tensor, labels: tf.Tensor, alpha: float, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """MixUp (arXiv 1710.09412): blends each image and label with those of a random partner.

    Args:
      images: uint8 [B, H, W, C].
      labels: float32 [B] or [B, K].
      alpha: of the Beta distribution that the blend is drawn from.
      seed: int64 [2].
    """
    count = tf.shape(images)[0]
    share = cutmix.beta(count[None], alpha, seed)
    partner = tf.random.stateless_uniform(count[None], seed + 2, 0, count, tf.int32)
    pixels = _blend(tf.cast(images, tf.float32), partner, share)
    return tf.cast(tf.round(pixels), images.dtype), _blend(labels, partner, share)


def _blend(values: tf.Tensor, partner: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    share = tf.reshape(share, [-1] + [1] * (values.shape.rank - 1))
    return values + share * (tf.gather(values, partner) - values)
