"""Where a backbone's starting weights come from, and what to say when they cannot be had.

backbone = load_backbone(TrainConfig(weights="none", image_size=64))
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import keras
import tensorflow as tf
from keras.src.applications import mobilenet_v3
from numpy.typing import NDArray

from trainer.config import TrainConfig
from trainer.errors import UserError
from trainer.weights_path import no_such_weights


def load_backbone(config: TrainConfig, start: Sequence[NDArray[Any]] | None = None) -> keras.Model:
    """The backbone without its top, with its starting weights: `start`, or what the settings name.

    Raises:
      UserError: the weights cannot be fetched, are not there, or do not fit the backbone.
    """
    if start is not None:
        backbone = _build(config, None)
        backbone.set_weights(start)
        return backbone
    if config.weights == "imagenet":
        return _from_imagenet(config)
    backbone = _build(config, None)
    if config.pretrained:
        _load_file(backbone, config)
    return backbone


def imagenet_file(model: str, alpha: float) -> str:
    """Name of the file that Keras downloads for a backbone without its top."""
    kind = model.removeprefix("MobileNetV3").lower()
    return f"weights_mobilenet_v3_{kind}_224_{float(alpha)}_float_no_top_v2.h5"


def _build(config: TrainConfig, weights: str | None) -> keras.Model:
    constructor = getattr(keras.applications, config.model)
    return constructor(
        input_shape=(config.image_size, config.image_size, 3),
        alpha=config.alpha,
        include_top=False,
        weights=weights,
        include_preprocessing=True,
    )


def _from_imagenet(config: TrainConfig) -> keras.Model:
    try:
        return _build(config, "imagenet")
    except Exception as error:
        name = imagenet_file(config.model, config.alpha)
        url = mobilenet_v3.BASE_WEIGHT_PATH + name
        raise UserError(
            f"the ImageNet weights could not be fetched from {url}: {_first_line(error)}",
            fix=f"fetch {name} where the network allows it and set `weights` to its path, or set "
            "`weights: none` to train from scratch",
        ) from error


def _load_file(backbone: keras.Model, config: TrainConfig) -> None:
    path = config.weights
    if not tf.io.gfile.exists(path) or tf.io.gfile.isdir(path):
        raise no_such_weights(path)
    try:
        with tempfile.TemporaryDirectory() as folder:
            backbone.load_weights(_local(path, folder))
    except (ValueError, OSError, KeyError) as error:
        raise UserError(
            f"the weights in {path!r} do not fit {config.model} with alpha {config.alpha:g}: "
            f"{_first_line(error)}",
            fix="set `model` and `alpha` to what the file was made for; it must hold the backbone "
            "without its top",
        ) from error


def _local(path: str, folder: str) -> str:
    if os.path.exists(path):
        return path
    copy = os.path.join(folder, PurePosixPath(path).name)
    with tf.io.gfile.GFile(path, "rb") as source, open(copy, "wb") as target:
        shutil.copyfileobj(source, target)
    return copy


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
