"""Where training begins: at the model in service, or at the weights that the settings name, and why.

    start, why = find_start(config, custom_config, class_names)
    network = build(config, len(class_names), steps, start)

The backbone is carried over whole. The head is carried over class by class; a class that is new begins at zero. Where
phase one is on it fits the head anew, on the features of the backbone that was carried over.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.config import TrainConfig
from trainer.errors import UserError
from trainer.model_info import EXTRA_DIR, ModelInfo, read_model_info

KERAS_FILE = "model.keras"


@dataclasses.dataclass(frozen=True)
class Start:
    """Weights to begin at.

    Attributes:
      backbone: as `keras.Model.get_weights` gives them.
      dense: kernel [D, C] and bias [C].
      norm: gamma, beta, moving mean and moving variance, each [C].
    """

    backbone: Sequence[NDArray[Any]]
    dense: Sequence[NDArray[Any]]
    norm: Sequence[NDArray[Any]]


def find_start(
    config: TrainConfig, custom: Mapping[str, Any], class_names: Sequence[str]
) -> tuple[Start | None, str]:
    """The model in service as a start, and a sentence that says what was chosen and why.

    Args:
      config: `warm_start`, and the architecture that the model must have.
      custom: the Trainer's `custom_config`: `registry`, `name` and `in_service`, a version's number.
      class_names: of the data to train on.
    """
    origin = {"imagenet": "ImageNet", "none": "random weights"}.get(config.weights, config.weights)
    if not config.warm_start:
        return None, f"from {origin}"
    number = str(custom.get("in_service") or "")
    if not number:
        return None, f"from {origin}: no version is in service, or this run is not told of it"
    directory = posixpath.join(str(custom["registry"]), str(custom["name"]), number)
    try:
        info = read_model_info(directory)
        problem = _mismatch(info, config, directory)
    except UserError as error:
        problem = error.message
    if problem:
        return None, f"from {origin}, not from version {number}: {problem}"
    return load_start(directory, info, class_names), f"from version {number} in service" + _changes(
        info.class_names, class_names
    )


def load_start(directory: str, info: ModelInfo, class_names: Sequence[str]) -> Start:
    """Weights of an exported model, its head in the order of `class_names`."""
    model = _load(posixpath.join(directory, EXTRA_DIR, KERAS_FILE))
    backbone = next(one for one in model.layers if isinstance(one, keras.Model))
    kernel, bias = model.get_layer("dense").get_weights()
    gamma, beta, mean, variance = model.get_layer("head_norm").get_weights()
    known = {name: index for index, name in enumerate(info.class_names)}
    places = [known.get(name, -1) for name in class_names]

    def carried(values: NDArray[Any], new: float) -> NDArray[Any]:
        extended = np.concatenate([values, np.full((*values.shape[:-1], 1), new)], axis=-1)
        return np.asarray(extended[..., places], values.dtype)

    return Start(
        backbone.get_weights(),
        (carried(kernel, 0), carried(bias, 0)),
        (carried(gamma, 1), carried(beta, beta.mean()), carried(mean, 0), carried(variance, 1)),
    )


def _mismatch(info: ModelInfo, config: TrainConfig, directory: str) -> str:
    """Why a model cannot be a start, or an empty string."""
    if (info.model, info.alpha) != (config.model, config.alpha):
        return (
            f"it is a {info.model} of width {info.alpha:g}, and `train` asks for {config.model} of "
            f"width {config.alpha:g}"
        )
    if not tf.io.gfile.exists(posixpath.join(directory, EXTRA_DIR, KERAS_FILE)):
        return f"it holds no {KERAS_FILE} (`train.export.keras` was off)"
    return ""


def _changes(before: Sequence[str], now: Sequence[str]) -> str:
    added, gone = sorted(set(now) - set(before)), sorted(set(before) - set(now))
    parts = [f"new: {', '.join(added)}"] * bool(added) + [f"gone: {', '.join(gone)}"] * bool(gone)
    return f" ({'; '.join(parts)})" if parts else ""


def _load(path: str) -> keras.Model:
    with tempfile.TemporaryDirectory() as folder:
        local = os.path.join(folder, KERAS_FILE)
        with tf.io.gfile.GFile(path, "rb") as source, open(local, "wb") as target:
            shutil.copyfileobj(source, target)
        return keras.models.load_model(local, compile=False)
