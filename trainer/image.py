"""From encoded bytes to the pixels that a model sees: one code path for training, evaluation and serving.

    pixels = load_center(encoded, geometry)                  # evaluation and serving
    pixels = load_window(encoded, geometry, window)          # training, with a drawn window

Resizing to `resize_size` and then cropping to `image_size` is the same as resizing a window of the source, so only the
window is decoded where the format allows it (JPEG), and only the pixels that stay are resized.
"""

from __future__ import annotations

from typing import Literal

import tensorflow as tf
from pydantic import Field

from trainer.config import TrainConfig
from trainer.settings import Settings

_JPEG_MAGIC = b"\xff\xd8\xff"


class Geometry(Settings):
    """How an image becomes a square."""

    image_size: int = Field(description="Side in pixels of the result.")
    resize_size: int = Field(description="Side that the whole image would have at that scale.")
    aspect_ratio: Literal["stretch", "crop"] = Field(description="How a square is made.")

    @classmethod
    def of(cls, config: TrainConfig) -> Geometry:
        """The geometry that a training configuration asks for."""
        return cls(
            image_size=config.image_size,
            resize_size=config.resized,
            aspect_ratio=config.aspect_ratio,
        )


def source_size(encoded: tf.Tensor) -> tf.Tensor:
    """Height and width, int32 [2], of a JPEG without decoding it, of other formats by decoding."""
    return tf.cond(
        _is_jpeg(encoded),
        lambda: tf.io.extract_jpeg_shape(encoded)[:2],
        lambda: tf.shape(_decode_other(encoded))[:2],
    )


def window_at(size: tf.Tensor, geometry: Geometry, position: tf.Tensor) -> tf.Tensor:
    """The window of the source that becomes the image.

    Args:
      size: int32 [2], height and width of the source.
      geometry: how an image becomes a square.
      position: float32 [2] in [0, 1], where the window lies in its room to move; 0.5 is centred.

    Returns:
      int32 [4]: y, x, height, width, inside the source and at least one pixel each way.
    """
    whole = tf.cast(size, tf.float32)
    area = whole if geometry.aspect_ratio == "stretch" else tf.repeat(tf.reduce_min(whole), 2)
    extent = tf.maximum(tf.round(area * (geometry.image_size / geometry.resize_size)), 1.0)
    start = tf.round((whole - area) / 2 + position * (area - extent))
    start = tf.clip_by_value(start, 0.0, whole - extent)
    return tf.cast(tf.concat([start, extent], 0), tf.int32)


def load_window(encoded: tf.Tensor, geometry: Geometry, window: tf.Tensor) -> tf.Tensor:
    """Decodes a window of an encoded image and resizes it.

    Args:
      encoded: scalar string; JPEG, PNG, GIF (first frame) or BMP.
      geometry: how an image becomes a square.
      window: int32 [4]: y, x, height, width in the source.

    Returns:
      uint8 [image_size, image_size, 3], RGB.
    """
    pixels = tf.cond(
        _is_jpeg(encoded),
        lambda: tf.io.decode_and_crop_jpeg(encoded, window, channels=3),
        lambda: _slice(_decode_other(encoded), window),
    )
    return resize(pixels, geometry.image_size)


def load_center(encoded: tf.Tensor, geometry: Geometry) -> tf.Tensor:
    """The pixels that evaluation and serving see, uint8 [image_size, image_size, 3]."""
    window = window_at(source_size(encoded), geometry, tf.constant([0.5, 0.5]))
    return load_window(encoded, geometry, window)


def load_whole(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """The whole image stretched to uint8 [size, size, 3]."""
    return resize(tf.io.decode_image(encoded, channels=3, expand_animations=False), size)


def load_batch(encoded: tf.Tensor, geometry: Geometry) -> tf.Tensor:
    """`load_center` over a batch of any sizes and formats: string [B] to uint8 [B, S, S, 3]."""
    side = geometry.image_size
    spec = tf.TensorSpec([side, side, 3], tf.uint8)
    return tf.map_fn(lambda one: load_center(one, geometry), encoded, fn_output_signature=spec)


def resize(pixels: tf.Tensor, side: int) -> tf.Tensor:
    """Bilinear to uint8 [side, side, 3]; with antialiasing where the source is twice as large.

    Antialiasing costs several times the plain filter and changes little below that.
    """
    large = tf.reduce_min(tf.shape(pixels)[:2]) >= 2 * side
    resized = tf.cond(
        large,
        lambda: tf.image.resize(pixels, [side, side], antialias=True),
        lambda: tf.image.resize(pixels, [side, side]),
    )
    return tf.ensure_shape(tf.cast(tf.round(resized), tf.uint8), [side, side, 3])


def _is_jpeg(encoded: tf.Tensor) -> tf.Tensor:
    return tf.equal(tf.strings.substr(encoded, 0, 3), _JPEG_MAGIC)


def _decode_other(encoded: tf.Tensor) -> tf.Tensor:
    pixels = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(pixels, [None, None, 3])


def _slice(pixels: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    y, x, height, width = tf.unstack(window)
    return pixels[y : y + height, x : x + width]
