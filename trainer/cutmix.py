"""CutMix over a batch (arXiv 1905.04899), with no loop: a random draw, and its application to pixels.

    boxes = draw(batch_size, height, width, config, seed)
    images, labels = apply(images, labels, boxes)

Boxes are drawn in one function and applied in another, so that a test can inject a draw and check exact pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from trainer.config import CutMixConfig

_WORDS = (tf.uint64, tf.uint32, tf.uint16, tf.uint8)


class Boxes(NamedTuple):
    """What to paste where, one row an image; an empty box leaves its image alone.

    Attributes:
      partner: int32 [B], index in the batch of the image that the box is taken from.
      top, bottom, left, right: int32 [B], the half-open box in pixels, inside the image.
    """

    partner: tf.Tensor
    top: tf.Tensor
    bottom: tf.Tensor
    left: tf.Tensor
    right: tf.Tensor


def draw(batch: int, height: int, width: int, config: CutMixConfig, seed: tf.Tensor) -> Boxes:
    """Draws partners and boxes for a batch.

    Args:
      batch, height, width: size of the images.
      config: probability, distribution of lambda, and room of the box centre.
      seed: int32 or int64 [2]; equal seeds draw equal boxes.

    Returns:
      Boxes whose side is sqrt(1 - lambda) of the image's, clipped to the image.
    """
    uniform = tf.random.stateless_uniform([4, batch], seed)
    chosen, lam = uniform[0] < config.probability, _lambda(uniform[1], config, seed)
    ratio = tf.where(chosen, tf.sqrt(1.0 - lam), 0.0)
    (top, left), (bottom, right) = _spans(height, width, ratio, uniform[2:], config.center_fraction)
    partner = tf.random.stateless_uniform([batch], seed + 1, 0, batch, tf.int32)
    return Boxes(partner, top, bottom, left, right)


def apply(images: tf.Tensor, labels: tf.Tensor, boxes: Boxes) -> tuple[tf.Tensor, tf.Tensor]:
    """Pastes each box from the partner and mixes labels by the area that was really pasted.

    Args:
      images: [B, H, W, C] of any type; uint8 moves the fewest bytes.
      labels: float32 [B, K], or [B] for binary labels.
      boxes: as drawn.

    Returns:
      Images of the same type and shape, and mixed labels of the same shape.
    """
    mixed = paste(images, boxes)
    shape = images.shape
    share = pasted_share(boxes, shape[1], shape[2])
    share = tf.cast(tf.reshape(share, [-1] + [1] * (labels.shape.rank - 1)), labels.dtype)
    return mixed, labels + share * (tf.gather(labels, boxes.partner) - labels)


def paste(images: tf.Tensor, boxes: Boxes) -> tf.Tensor:
    """The pixels of `apply`, of the same static shape.

    A row of pixels is read as words of up to 8 bytes, and those inside the box are taken from the partner by a mask of
    bits: XLA makes one pass of it that keeps up with memory, which it does not pixel by pixel.
    """
    _, height, width, channels = images.shape
    size = channels * images.dtype.size
    word = next(one for one in _WORDS if width * size % one.size == 0)
    mask = _as_words(_column_mask(boxes.left, boxes.right, width, size), word)
    pixels = _as_words(tf.reshape(images, [-1, height, width * channels]), word)
    mixed = _select(pixels, boxes.partner, mask, boxes.top, boxes.bottom)
    return tf.reshape(tf.bitcast(mixed, images.dtype), images.shape)


@tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
def _select(
    words: tf.Tensor, partner: tf.Tensor, mask: tf.Tensor, top: tf.Tensor, bottom: tf.Tensor
) -> tf.Tensor:
    """Words [B, H, N] with those of the partner where the mask [B, N] has ones, from row top to bottom."""
    rows = _inside(top, bottom, tf.range(words.shape[1]))
    bits = tf.where(rows[:, :, None], mask[:, None, :], tf.zeros([], words.dtype))
    other = tf.gather(words, partner)
    return tf.bitwise.bitwise_xor(
        words, tf.bitwise.bitwise_and(tf.bitwise.bitwise_xor(words, other), bits)
    )


@tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
def _column_mask(left: tf.Tensor, right: tf.Tensor, width: int, size: int) -> tf.Tensor:
    """255 where a byte of a row of pixels of `size` bytes lies between the columns, else 0: uint8 [B, W * size]."""
    inside = _inside(left, right, tf.range(width * size) // size)
    return tf.where(inside, tf.constant(255, tf.uint8), tf.constant(0, tf.uint8))


def _as_words(values: tf.Tensor, word: tf.DType) -> tf.Tensor:
    """The same bytes in another type, fewer along the last axis; no copy."""
    size = values.dtype.size
    if size < word.size:
        shape = [*values.shape[:-1], values.shape[-1] * size // word.size, word.size // size]
        values = tf.reshape(values, shape)
    return tf.bitcast(values, word)


def pasted_share(boxes: Boxes, height: int, width: int) -> tf.Tensor:
    """Float32 [B]: the part of each image's area that its box covers."""
    area = (boxes.bottom - boxes.top) * (boxes.right - boxes.left)
    return tf.cast(area, tf.float32) / float(height * width)


def _lambda(uniform: tf.Tensor, config: CutMixConfig, seed: tf.Tensor) -> tf.Tensor:
    if config.alpha is None:
        return uniform
    return beta(tf.shape(uniform), config.alpha, seed + 2)


def beta(shape: tf.Tensor, alpha: float, seed: tf.Tensor) -> tf.Tensor:
    """Draws from Beta(alpha, alpha) as a ratio of gamma variates, float32 in [0, 1]."""
    first = tf.random.stateless_gamma(shape, seed, alpha)
    second = tf.random.stateless_gamma(shape, seed + 1, alpha)
    return tf.math.divide_no_nan(first, first + second)


def _spans(
    height: int, width: int, ratio: tf.Tensor, position: tf.Tensor, center_fraction: float
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Starts and ends down and across; both sides at once, since small operations cost their dispatch."""
    sides = tf.constant([[height], [width]], tf.float32)
    half = ratio * (sides / 2)
    center = sides * ((1 - center_fraction) / 2 + position * center_fraction)
    ends = tf.clip_by_value(tf.round(tf.stack([center - half, center + half])), 0.0, sides)
    start, end = tf.unstack(tf.cast(ends, tf.int32))
    return tf.unstack(start), tf.unstack(end)


def _inside(start: tf.Tensor, end: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """Whether positions [N] lie in the half-open spans [B]: bool [B, N]."""
    return (position >= start[:, None]) & (position < end[:, None])
