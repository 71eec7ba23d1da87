"""Augmentation: what is drawn for one example, and Keras's layers for a batch.

    draw = draw_example(seed, index)
    window = window_at(size, geometry, draw.position)
    pixels = flip(pixels, draw.mirrored)

    layers = PixelLayers(config.augment, seed)
    images = layers(images, step)

Every draw depends on the seed and the position in the run alone, so a resumed run repeats it exactly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

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


class PixelLayers:
    """Keras's augmentation layers that the settings switch on, drawing from the step alone."""

    def __init__(self, config: AugmentConfig, seed: int) -> None:
        self._seeds = StepSeeds(seed)
        self._layers = _layers(config)
        for layer in self._layers:
            _seed_with(layer, self._seeds)

    def __call__(self, images: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Augments uint8 [B, H, W, 3]; `step` is an int64 scalar."""
        if not self._layers:
            return images
        self._seeds.at(step)
        pixels = tf.cast(images, tf.float32)
        for layer in self._layers:
            pixels = layer(pixels, training=True)
        pixels = tf.cast(tf.round(tf.clip_by_value(pixels, 0.0, 255.0)), images.dtype)
        return tf.ensure_shape(pixels, images.shape)


class StepSeeds(keras.random.SeedGenerator):  # type: ignore[misc]
    """Seeds made of the run's seed, the step and a count, where Keras's own keep a state of their own."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._run_seed = seed
        self._step: Any = tf.constant(0, tf.int64)
        self._count = 0

    def at(self, step: tf.Tensor) -> None:
        """Starts the count anew for a step."""
        self._step, self._count = step, 0

    def next(self, ordered: bool = True) -> tf.Tensor:  # noqa: ARG002
        """The next seed, int32 [2]."""
        self._count += 1
        first = tf.constant(self._run_seed, tf.int32) + 1_000_003 * self._count
        return tf.stack([first, tf.cast(self._step, tf.int32)])


def _layers(config: AugmentConfig) -> list[keras.layers.Layer]:
    made: list[keras.layers.Layer] = []
    span = {"value_range": (0, 255)}
    if config.color_jitter:
        strength = config.color_jitter
        jitter = keras.layers.RandomColorJitter(
            brightness_factor=0.4 * strength,
            contrast_factor=0.4 * strength,
            saturation_factor=(0.5 - 0.4 * strength, 0.5 + 0.4 * strength),
            hue_factor=0.1 * strength,
            **span,
        )
        made.append(jitter)
    if config.rand_augment:
        augment = keras.layers.RandAugment(
            num_ops=config.rand_augment, factor=config.rand_augment_magnitude, **span
        )
        made.append(augment)
    if config.random_erasing:
        share = (config.random_erasing, config.random_erasing)
        made.append(keras.layers.RandomErasing(factor=share, **span))
    return made


def _seed_with(layer: keras.layers.Layer, seeds: StepSeeds) -> None:
    """Gives a layer and the layers inside it another source of seeds."""
    if hasattr(layer, "generator"):
        layer.generator = seeds
    for inner in list(vars(layer).values()):
        if isinstance(inner, keras.layers.Layer):
            _seed_with(inner, seeds)
