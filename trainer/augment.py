"""Augmentation of single images: what is drawn for one example, and Keras's layers for a batch.

    draws = draw_example(seed, index)
    window = window_at(size, geometry, draws.position)
    pixels = flip(pixels, draws.mirrored)

Every draw depends on the seed and the example's position in the run alone, so a resumed run repeats it exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

from trainer.config import AugmentConfig


class ExampleDraw(NamedTuple):
    """What is drawn for one example.

    Attributes:
      position: float32 [2] in [0, 1), where the crop lies in its room to move.
      mirrored: bool scalar.
    """

    position: tf.Tensor
    mirrored: tf.Tensor


def draw_example(seed: int, index: tf.Tensor) -> ExampleDraw:
    """Draws for the example at `index` (int64 scalar, counted over all epochs)."""
    uniform = tf.random.stateless_uniform([3], tf.stack([tf.constant(seed, tf.int64), index]))
    return ExampleDraw(uniform[:2], uniform[2] < 0.5)


def flip(pixels: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
    """Mirrors [H, W, C] left to right where `mirrored`."""
    return tf.cond(mirrored, lambda: tf.reverse(pixels, [1]), lambda: pixels)


def pixel_layers(config: AugmentConfig, seed: int) -> list[keras.layers.Layer]:
    """Keras's augmentation layers that the settings switch on, for batches in 0..255."""
    layers = keras.layers
    made: list[keras.layers.Layer] = []
    if config.color_jitter:
        strength = config.color_jitter
        jitter = layers.RandomColorJitter(
            value_range=(0, 255),
            brightness_factor=0.4 * strength,
            contrast_factor=0.4 * strength,
            saturation_factor=(0.5 - 0.4 * strength, 0.5 + 0.4 * strength),
            hue_factor=0.1 * strength,
            seed=seed,
        )
        made.append(jitter)
    if config.rand_augment:
        augment = layers.RandAugment(
            value_range=(0, 255),
            num_ops=config.rand_augment,
            factor=config.rand_augment_magnitude,
            seed=seed + 1,
        )
        made.append(augment)
    if config.random_erasing:
        made.append(
            layers.RandomErasing(
                factor=config.random_erasing, value_range=(0, 255), seed=seed + 2
            )
        )
    return made
