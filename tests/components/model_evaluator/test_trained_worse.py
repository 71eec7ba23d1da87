"""Models really trained, good ones and ones spoilt on purpose: the right rule refuses, by name.

The trainer is the real one, from phase one to export; only its backbone is two convolutions instead of MobileNetV3,
whose tracing alone takes minutes for so many models.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components.model_evaluator.config import EvaluateConfig
from components.model_evaluator.executor import Executor
from components.model_evaluator.result import EvaluationResult
from components.model_pusher.registry import Registry
from tests.components.tiny_model import COLOURS, colour_image, encode
from trainer.config import TrainConfig
from trainer.export import export_saved_model
from trainer.features import CLASS_NAME, IMAGE, LABEL, PATH, DatasetInfo
from trainer.image import Geometry
from trainer.model_info import read_model_info
from trainer.run import run_fn

pytestmark = pytest.mark.e2e

WITHOUT_BLUE = tuple(name for name in COLOURS if name != "blue")
PER_CLASS = {"train": 64, "val": 16, "test": 50}
TRAINING = {
    "weights": "none",
    "alpha": 0.75,
    "image_size": 32,
    "batch_size": 16,
    "epochs": 4,
    "learning_rate": 1e-2,
    "cutmix": {"enabled": False},
    "export": {"tflite": False, "tflite_int8": False},
}
Photo = tuple[str, bytes]


def tiny_backbone(config: TrainConfig, start: object = None) -> keras.Model:
    """What stands in for MobileNetV3."""
    assert start is None
    inputs = keras.Input((config.image_size, config.image_size, 3))
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    first = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(scaled)
    second = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(first)
    return keras.Model(inputs, second)


def make_photos() -> dict[str, list[Photo]]:
    """Noisy images with their colour, by split."""
    photos: dict[str, list[Photo]] = {}
    seed = 0
    for split, count in PER_CLASS.items():
        photos[split] = []
        for name in (name for _ in range(count) for name in COLOURS):
            photos[split].append((name, encode(colour_image(name, seed, noise=0.8))))
            seed += 1
    return photos


def write_data(folder: Path, names: Sequence[str], photos: Mapping[str, Sequence[Photo]]) -> str:
    """An Examples artifact of the photos whose class is among `names`."""
    counts = {}
    for split, labelled in photos.items():
        kept = [photo for photo in labelled if photo[0] in names]
        counts[split] = {name: sum(label == name for label, _ in kept) for name in names}
        (folder / f"Split-{split}").mkdir(parents=True)
        path = str(folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz")
        with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for number, (label, image) in enumerate(kept):
                writer.write(example(label, image, f"{split}/{number}.jpg", names))
    info = DatasetInfo(class_names=tuple(names), counts=counts, data_version="d", stored_size=32)
    (folder / "dataset.json").write_text(info.model_dump_json())
    return str(folder)


def example(label: str, image: bytes, path: str, names: Sequence[str]) -> bytes:
    made = tf.train.Example()
    feature = made.features.feature
    feature[LABEL].int64_list.value.append(names.index(label))
    for key, value in ((IMAGE, image), (CLASS_NAME, label.encode()), (PATH, path.encode())):
        feature[key].bytes_list.value.append(value)
    return made.SerializeToString()


def shuffled(photos: Mapping[str, Sequence[Photo]]) -> dict[str, list[Photo]]:
    """The same photos with labels that have nothing to do with them."""
    draw = np.random.default_rng(0)
    return {
        split: [
            (str(label), image)
            for label, (_, image) in zip(
                draw.permutation([label for label, _ in labelled]), labelled, strict=True
            )
        ]
        for split, labelled in photos.items()
    }


def train(examples: str, out: Path) -> Path:
    """The real trainer; returns the Model artifact's folder."""
    run_fn(
        types.SimpleNamespace(
            train_files=[f"{examples}/Split-train/*"],
            eval_files=[f"{examples}/Split-val/*"],
            serving_model_dir=str(out / "Format-Serving"),
            model_run_dir=str(out / "run"),
            custom_config={"config": TRAINING, "name": "colours"},
        )
    )
    return out


def with_scaled_logits(model: Path, out: Path, factor: float) -> Path:
    """The same network, `factor` times as sure of every answer."""
    serving = model / "Format-Serving"
    network = keras.models.load_model(serving / "assets.extra" / "model.keras")
    [norm] = [
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.gamma.shape == (len(COLOURS),)
    ]
    for weight in (norm.gamma, norm.beta):
        weight.assign(weight * factor)
    geometry = Geometry.of(TrainConfig.model_validate(TRAINING))
    info = read_model_info(str(serving))
    export_saved_model(network, geometry, info, str(out / "Format-Serving"))
    return out


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with good data, and its images."""
    monkeypatch.setattr("trainer.model.load_backbone", tiny_backbone)
    photos = make_photos()
    write_data(tmp_path / "examples", COLOURS, photos)
    return tmp_path, photos


def push(folder: Path, model: Path) -> None:
    Registry(str(folder / "registry"), "colours").push(str(model / "Format-Serving"), {})


def evaluate(folder: Path, model: Path, name: str) -> EvaluationResult:
    """The executor's verdict on the good data's test split, as TFX gets it."""

    def artifact(kind, uri):
        made = kind()
        made.uri = str(uri)
        return [made]

    outputs = {
        "evaluation": artifact(standard_artifacts.ModelEvaluation, folder / name / "evaluation"),
        "blessing": artifact(standard_artifacts.ModelBlessing, folder / name / "blessing"),
    }
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner"], tmp_dir=str(folder), unique_id=name
    )
    inputs = {
        "examples": artifact(standard_artifacts.Examples, folder / "examples"),
        "model": artifact(standard_artifacts.Model, model),
    }
    properties = {
        "registry": str(folder / "registry"),
        "name": "colours",
        "config": EvaluateConfig(slice_by=(), sample=4).model_dump_json(),
    }
    Executor(context).Do(inputs, outputs, properties)
    text = (folder / name / "evaluation" / "metrics.json").read_text()
    result = EvaluationResult.model_validate_json(text)
    [blessing] = outputs["blessing"]
    assert blessing.get_int_custom_property("blessed") == int(result.blessed)
    verdicts = json.loads(blessing.get_string_custom_property("verdicts"))
    assert verdicts == {rule.name: rule.verdict for rule in result.rules}
    return result


def refusing(result: EvaluationResult) -> list[str]:
    return [rule.name for rule in result.rules if rule.verdict == "fail"]


def test_a_better_model_passes_and_then_the_worse_ones_are_refused_by_name(place):
    folder, photos = place
    dropped = train(write_data(folder / "two", WITHOUT_BLUE, photos), folder / "dropped")
    push(folder, dropped)
    good = train(str(folder / "examples"), folder / "good")
    better = evaluate(folder, good, "better")
    assert refusing(better) == []
    assert better.overall["accuracy"] > 0.9 > 0.7 > better.baseline["accuracy"]
    push(folder, good)

    fallen = evaluate(folder, dropped, "fallen")
    assert {"class-recall", "not-worse", "accuracy-drop", "class-drop"} <= set(refusing(fallen))
    details = {rule.name: rule.detail for rule in fallen.rules}
    assert "'blue'" in details["class-recall"]
    assert "'blue'" in details["class-drop"]

    spoilt = write_data(folder / "spoilt", COLOURS, shuffled(photos))
    guessing = evaluate(folder, train(spoilt, folder / "guesses"), "guessing")
    assert {"beats-majority", "not-worse", "accuracy-drop"} <= set(refusing(guessing))

    unsure = evaluate(folder, with_scaled_logits(good, folder / "unsure", 0.05), "scaled")
    assert refusing(unsure) == ["calibration"]
    assert unsure.overall["accuracy"] == better.overall["accuracy"]
