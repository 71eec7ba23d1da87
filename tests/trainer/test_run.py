from __future__ import annotations

import importlib.util
import json
import types
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.records import encode
from trainer.config import TrainConfig
from trainer.errors import UserError
from trainer.image import Geometry
from trainer.input import Source, evaluation_batches, parse
from trainer.run import run_fn
from trainer.serving import Classifier
from trainer.tflite import read_metadata

SMALL: dict[str, Any] = {
    "weights": "none",
    "alpha": 0.75,
    "image_size": 32,
    "batch_size": 16,
    "epochs": 6,
    "learning_rate": 3e-3,
    "cutmix": {"enabled": False},
}


def fn_args(examples: Path, out: Path, config: dict[str, Any]) -> types.SimpleNamespace:
    return types.SimpleNamespace(
        train_files=[f"{examples}/Split-train/*"],
        eval_files=[f"{examples}/Split-val/*"],
        serving_model_dir=str(out / "model"),
        model_run_dir=str(out / "run"),
        custom_config={
            "config": config,
            "registry": str(out / "registry"),
            "name": "colours",
            "code_version": "c1",
        },
    )


@pytest.fixture(scope="module")
def trained(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    run_fn(fn_args(examples, out, SMALL))
    return out


def test_learns_and_serves_raw_bytes(examples: Path, trained: Path) -> None:
    classifier = Classifier.load(str(trained / "model"))
    assert classifier.info.class_names == ("blue", "green", "red", "yellow")
    assert (classifier.info.name, classifier.info.code_version) == ("colours", "c1")
    records = [parse(one) for one in Source.of(f"{examples}/Split-test/*", "test").records()]
    probabilities = classifier.predict([image.numpy() for image, _ in records])
    assert probabilities.shape == (32, 4)
    assert probabilities.dtype == np.float32
    right = probabilities.argmax(1) == [int(label) for _, label in records]
    assert right.mean() > 0.9


def test_evaluation_and_serving_see_the_same_pixels(examples: Path, trained: Path) -> None:
    loaded = tf.saved_model.load(str(trained / "model"))
    source = Source.of(f"{examples}/Split-test/*", "test")
    config = TrainConfig.model_validate(SMALL)
    images, _ = next(iter(evaluation_batches(source, config)))
    encoded = [parse(one)[0].numpy() for one in source.records().take(16)]
    np.testing.assert_array_equal(loaded.preprocess(tf.constant(encoded)), images)


def test_both_signatures_agree(examples: Path, trained: Path) -> None:
    signatures = tf.saved_model.load(str(trained / "model")).signatures
    records = list(Source.of(f"{examples}/Split-test/*", "test").records().take(5))
    images = [parse(one)[0] for one in records]
    by_bytes = signatures["serving_default"](image_bytes=tf.stack(images))
    by_example = signatures["serve_examples"](examples=tf.stack(records))
    assert set(by_bytes) == {"probabilities", "class_index", "class_name", "probability"}
    for name, value in by_bytes.items():
        np.testing.assert_array_equal(value, by_example[name])
    names = [one.decode() for one in by_bytes["class_name"].numpy()]
    classes = ("blue", "green", "red", "yellow")
    assert names == [classes[int(index)] for index in by_bytes["class_index"]]
    assert by_bytes["class_index"].dtype == tf.int64


def test_any_mix_of_sizes_and_formats_in_one_batch(trained: Path) -> None:
    classifier = Classifier.load(str(trained / "model"))
    pixels = np.full((40, 70, 3), (220, 40, 40), np.uint8)
    encoded = [
        encode(pixels[:h, :w], kind)
        for h, w, kind in [(40, 70, "JPEG"), (9, 9, "PNG"), (33, 2, "GIF"), (40, 40, "BMP")]
    ]
    assert classifier.predict(encoded).shape == (4, 4)
    assert classifier.predict([]).shape == (0, 4)


def test_leaves_a_history_and_no_checkpoints(trained: Path) -> None:
    history = json.loads((trained / "run" / "history.json").read_text())["epochs"]
    assert [one["epoch"] for one in history] == [1, 2, 3, 4, 5, 6]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "images_per_second"} <= set(history[0])
    assert not list((trained / "registry").rglob("*.ckpt"))
    has_tensorboard = importlib.util.find_spec("tensorboard") is not None
    assert bool(list((trained / "run").glob("events.*"))) == has_tensorboard


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"weights": "/nowhere/w.h5"}, "there is no such file"),
        ({"batch_size": 129}, "fewer than one batch"),
        ({"label_mode": "binary"}, "exactly 2 classes"),
    ],
)
def test_refuses_with_a_reason(
    examples: Path, tmp_path: Path, change: dict[str, Any], part: str
) -> None:
    with pytest.raises(UserError, match=part):
        run_fn(fn_args(examples, tmp_path, SMALL | change))


def test_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no files"):
        run_fn(fn_args(tmp_path, tmp_path, SMALL))


def test_geometry_comes_from_the_settings() -> None:
    config = TrainConfig.model_validate(SMALL)
    assert Geometry.of(config).resize_size == 37


def test_other_formats_lie_beside_and_agree(trained: Path) -> None:
    extra = trained / "model" / "assets.extra"
    report = json.loads((extra / "exports.json").read_text())
    assert set(report) == {"model.keras", "model.tflite", "model_int8.tflite"}
    for name, found in report.items():
        assert found["refused"] == "", found
        assert found["images"] == 32
        assert (extra / name).stat().st_size == found["size_bytes"]
    assert report["model.tflite"]["largest_difference"] < 1e-3
    assert report["model_int8.tflite"]["size_bytes"] < report["model.tflite"]["size_bytes"] / 2
    with zipfile.ZipFile(extra / "model.tflite") as archive:
        assert archive.read("labels.txt").decode().split() == ["blue", "green", "red", "yellow"]
    assert read_metadata((extra / "model_int8.tflite").read_bytes()).name == "colours"


def test_training_and_inference_mode_agree_after_a_short_run_from_scratch(
    examples: Path, trained: Path
) -> None:
    model = keras.models.load_model(trained / "model" / "assets.extra" / "model.keras")
    source = Source.of(f"{examples}/Split-train/*", "train")
    config = TrainConfig.model_validate(SMALL)
    pixels, labels = next(iter(evaluation_batches(source, config).unbatch().batch(96)))
    accuracy = {}
    for training in (False, True):
        answers = model(tf.cast(pixels, tf.float32), training=training).numpy()
        accuracy[training] = (answers.argmax(1) == labels.numpy()).mean()
    assert accuracy[False] > 0.9
    assert accuracy[False] == pytest.approx(accuracy[True], abs=0.05)
