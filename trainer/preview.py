"""A picture of what training sees: one row a photo, the view of evaluation first.

draw_preview(find_photos(Path("photos"), 6, seed=0), TrainConfig(), columns=7, output=Path("preview.png"))
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import yaml
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from trainer import augment, mixing
from trainer.config import TrainConfig
from trainer.errors import UserError
from trainer.image import Geometry, load_center, load_window, source_size, window_at

_SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".bmp"}
_GAP = 4


def read_train_config(path: Path | None) -> TrainConfig:
    """The `train:` section of a YAML file, or the defaults.

    Raises:
      UserError: the file cannot be read, or a setting in it is wrong.
    """
    if path is None:
        return TrainConfig()
    try:
        section = (yaml.safe_load(path.read_text()) or {}).get("train", {})
        return TrainConfig.model_validate(section)
    except (OSError, yaml.YAMLError, AttributeError, ValidationError) as error:
        raise UserError(
            f"the settings in {str(path)!r} cannot be used: {error}",
            fix="write a YAML file with a `train:` section",
        ) from error


def find_photos(folder: Path, count: int, seed: int) -> list[Path]:
    """Up to `count` images under a folder, drawn at random.

    Raises:
      UserError: there are none.
    """
    found = sorted(one for one in folder.rglob("*") if one.suffix.lower() in _SUFFIXES)
    if not found:
        raise UserError(
            f"found no images under {str(folder)!r}",
            fix=f"point at a folder with files that end in {', '.join(sorted(_SUFFIXES))}",
        )
    return random.Random(seed).sample(found, min(count, len(found)))


def draw_preview(photos: Sequence[Path], config: TrainConfig, columns: int, output: Path) -> None:
    """Writes the picture.

    Raises:
      UserError: a photo cannot be decoded, or the picture cannot be written.
    """
    grid = preview(photos, config, columns)
    try:
        Image.fromarray(grid).save(output)
    except (OSError, ValueError) as error:
        raise UserError(
            f"the picture cannot be written to {str(output)!r}: {error}",
            fix="name a file that ends in .png, in a folder that exists",
        ) from error


def preview(photos: Sequence[Path], config: TrainConfig, columns: int) -> NDArray[np.uint8]:
    """The picture as uint8 [H, W, 3]; the photos are each other's partners for CutMix."""
    geometry = Geometry.of(config)
    encoded = [tf.constant(one.read_bytes()) for one in photos]
    try:
        views = [np.stack([load_center(one, geometry).numpy() for one in encoded])]
    except tf.errors.InvalidArgumentError as error:
        raise UserError(
            f"one of {len(photos)} photos cannot be decoded: {error.message.splitlines()[0]}",
            fix="take broken images out of the folder; `imagemill run` sets them aside itself",
        ) from error
    layers = augment.PixelLayers(config.augment, config.seed)
    views += [
        _training_view(encoded, config, geometry, layers, column) for column in range(1, columns)
    ]
    return _tile(np.stack(views, axis=1))


def _training_view(
    encoded: Sequence[tf.Tensor],
    config: TrainConfig,
    geometry: Geometry,
    layers: augment.PixelLayers,
    step: int,
) -> NDArray[np.uint8]:
    images = []
    for row, one in enumerate(encoded):
        draw = augment.draw_example(config.seed, tf.constant(step * len(encoded) + row, tf.int64))
        pixels = load_window(one, geometry, window_at(source_size(one), geometry, draw.position))
        images.append(augment.flip(pixels, draw.mirrored) if config.flip else pixels)
    labels = tf.range(len(images), dtype=tf.int64)
    mode = config.model_copy(update={"label_mode": "categorical"})
    mixed, _ = mixing.mix_batch(
        tf.constant(step, tf.int64),
        (tf.stack(images), labels),
        config=mode,
        class_count=len(images),
        mixing_steps=step + 1,
        pixel_layers=layers,
    )
    return np.asarray(mixed.numpy(), np.uint8)


def _tile(views: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[R, C, S, S, 3] to one picture with white gaps."""
    padded = np.pad(views, [(0, 0), (0, 0), (_GAP, 0), (_GAP, 0), (0, 0)], constant_values=255)
    rows, columns, height, width, channels = padded.shape
    grid = padded.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)
    return np.pad(grid, [(0, _GAP), (0, _GAP), (0, 0)], constant_values=255)
