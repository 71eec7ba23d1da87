"""The formats beside the SavedModel, each compared with the Keras model before it is kept.

    report = export_formats(model, source_train, source_val, config, info, directory)

Files lie in the SavedModel's `assets.extra/`: `model.keras`, `model.tflite`, `model_int8.tflite`, and `exports.json`
with what was measured.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from pydantic import Field

from trainer import tflite
from trainer.config import ExportConfig, TrainConfig
from trainer.input import Source, evaluation_batches, sample_batches
from trainer.model_info import EXTRA_DIR, ModelInfo
from trainer.progress import report
from trainer.settings import Settings

REPORT_FILE = "exports.json"
_CHECKED_IMAGES = 200
_TASK = "export"
_LOGGER = logging.getLogger(__name__)


class Comparison(Settings):
    """How far an exported file is from the Keras model on held-out images."""

    images: int = Field(description="Held-out images compared.")
    size_bytes: int = Field(description="Size of the file.")
    largest_difference: float = Field(description="Of any probability, 0 to 1.")
    disagreement: float = Field(description="Share of images given another class, 0 to 1.")
    accuracy: float = Field(description="Share of right answers of the file, 0 to 1.")
    keras_accuracy: float = Field(description="Share of right answers of the Keras model, 0 to 1.")
    refused: str = Field("", description="Why the file was not kept; empty where it was.")


def export_formats(
    model: keras.Model,
    train: Source,
    val: Source,
    config: TrainConfig,
    info: ModelInfo,
    directory: str,
) -> dict[str, Comparison]:
    """Writes what `config.export` asks for; returns file name to comparison.

    A file that disagrees with the Keras model beyond the bound that the settings state is refused: it is not written,
    the report says why and the log warns. Hours of training are not thrown away for it.
    """
    images, labels = _stack(evaluation_batches(val, config), _CHECKED_IMAGES)
    expected = _keras_predict(model, images)
    made: dict[str, Comparison] = {}
    wanted = config.export.keras + config.export.tflite + config.export.tflite_int8
    if wanted:
        report(_TASK, done=0, total=wanted, unit="files")
    for name, content, predicted in _files(model, train, config, info, images):
        found = _compare(predicted, expected, labels, len(content))
        reason = _too_far(name, found, config.export)
        made[name] = found.model_copy(update={"refused": reason})
        if reason:
            _LOGGER.warning("%s", reason)
        else:
            _write(os.path.join(directory, EXTRA_DIR, name), content)
        report(_TASK, done=len(made), total=wanted, unit="files", final=len(made) == wanted)
    found_all = {name: one.model_dump() for name, one in made.items()}
    _write(
        os.path.join(directory, EXTRA_DIR, REPORT_FILE), json.dumps(found_all, indent=2).encode()
    )
    return made


def _files(
    model: keras.Model,
    train: Source,
    config: TrainConfig,
    info: ModelInfo,
    images: NDArray[np.uint8],
) -> Iterator[tuple[str, bytes, NDArray[np.float32]]]:
    wanted = config.export
    if wanted.keras:
        content = _keras_file(model)
        yield "model.keras", content, _keras_predict(_reloaded(content), images)
    if wanted.tflite:
        content = tflite.convert(model, config.image_size)
        yield _labelled("model.tflite", content, info, images)
    if wanted.tflite_int8:
        sample = _calibration(train, config)
        content = tflite.convert(model, config.image_size, eight_bit=True, calibration=sample)
        yield _labelled("model_int8.tflite", content, info, images)


def _calibration(train: Source, config: TrainConfig) -> NDArray[np.uint8] | None:
    if config.export.int8_activations == "dynamic":
        return None
    count = config.export.int8_calibration_images
    batches = -(-count // config.batch_size)
    return _stack(sample_batches(train, config, batches), count)[0]


def _labelled(
    name: str, content: bytes, info: ModelInfo, images: NDArray[np.uint8]
) -> tuple[str, bytes, NDArray[np.float32]]:
    content = tflite.with_metadata(content, info)
    return name, content, tflite.predict(content, images)


def _compare(
    predicted: NDArray[np.float32],
    expected: NDArray[np.float32],
    labels: NDArray[np.int64],
    size: int,
) -> Comparison:
    classes, wanted = predicted.argmax(1), expected.argmax(1)
    return Comparison(
        images=len(labels),
        size_bytes=size,
        largest_difference=float(np.abs(predicted - expected).max()),
        disagreement=float((classes != wanted).mean()),
        accuracy=float((classes == labels).mean()),
        keras_accuracy=float((wanted == labels).mean()),
    )


def _too_far(name: str, found: Comparison, bounds: ExportConfig) -> str:
    """Why a file is refused, or an empty string."""
    if "int8" in name:
        value, bound = found.disagreement, bounds.max_int8_disagreement
        what, setting = "names another class for this share of images", "max_int8_disagreement"
    else:
        value, bound = found.largest_difference, bounds.max_probability_difference
        what, setting = "differs in a probability by", "max_probability_difference"
    if value <= bound:
        return ""
    return (
        f"{name} was not kept: on {found.images} held-out images it {what} {value:.4g} from the "
        f"Keras model, and `export.{setting}` allows {bound:g}"
    )


def _stack(batches: tf.data.Dataset, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    taken = list(batches.unbatch().take(count).as_numpy_iterator())
    return np.stack([one[0] for one in taken]), np.array([one[1] for one in taken], np.int64)


def _keras_predict(model: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    answers = model.predict(images.astype(np.float32), batch_size=32, verbose=0)
    return np.asarray(answers, np.float32)


def _keras_file(model: keras.Model) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        model.save(path)
        with open(path, "rb") as file:
            return file.read()


def _reloaded(content: bytes) -> keras.Model:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        with open(path, "wb") as file:
            file.write(content)
        return keras.models.load_model(path)


def _write(path: str, content: bytes) -> None:
    tf.io.gfile.makedirs(os.path.dirname(path))
    temporary = f"{path}.writing"
    with tf.io.gfile.GFile(temporary, "wb") as file:
        file.write(content)
    tf.io.gfile.rename(temporary, path, overwrite=True)
