"""The reference: the training script that a user of Keras would write from the seed notes.

Every layer trains with Adam, BatchNorm in training mode; images come from folders through
`image_dataset_from_directory`, are cropped and flipped by `tf.image`, and CutMix is a Python loop over the batch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def make_model(side: int, classes: int, alpha: float, weights: str | None) -> keras.Model:
    """MobileNetV3Small with the head of the seed notes, compiled."""
    backbone = keras.applications.MobileNetV3Small(
        input_shape=(side, side, 3), alpha=alpha, include_top=False, weights=weights
    )
    model = keras.Sequential(
        [
            backbone,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes),
            keras.layers.BatchNormalization(),
            keras.layers.Softmax(),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-4), "categorical_crossentropy", metrics=["accuracy"])
    return model


def make_dataset(folder: Path, side: int, batch: int) -> tf.data.Dataset:
    """Endless augmented batches."""
    larger = round(side * 8 / 7)
    data = keras.utils.image_dataset_from_directory(
        folder,
        label_mode="categorical",
        image_size=(larger, larger),
        batch_size=None,
        seed=0,
        verbose=0,
    )

    def augment(image: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.image.random_crop(image, [side, side, 3])
        return tf.image.random_flip_left_right(image), label

    def mix(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mixed, mixed_labels = tf.numpy_function(cutmix, [images, labels], [tf.float32, tf.float32])
        return tf.ensure_shape(mixed, images.shape), tf.ensure_shape(mixed_labels, labels.shape)

    data = data.map(augment, tf.data.AUTOTUNE).repeat().batch(batch, drop_remainder=True)
    return data.map(mix, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def cutmix(images: NDArray[Any], labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Image by image."""
    random = np.random.default_rng()
    mixed, mixed_labels = images.copy(), labels.copy()
    count, height, width = images.shape[:3]
    for index in range(count):
        if random.uniform() >= 0.5:
            continue
        partner = random.integers(count)
        half = np.sqrt(1 - random.uniform()) / 2
        y, x = random.uniform(0.125, 0.875, 2)
        top, bottom = (round(np.clip(v, 0, 1) * height) for v in (y - half, y + half))
        left, right = (round(np.clip(v, 0, 1) * width) for v in (x - half, x + half))
        mixed[index, top:bottom, left:right] = images[partner, top:bottom, left:right]
        share = (bottom - top) * (right - left) / (height * width)
        mixed_labels[index] += share * (labels[partner] - labels[index])
    return mixed, mixed_labels.astype(np.float32)
