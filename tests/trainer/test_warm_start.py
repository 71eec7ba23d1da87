from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.test_run import SMALL, fn_args
from trainer.config import TrainConfig
from trainer.input import Source
from trainer.model import Network, build
from trainer.model_info import ModelInfo, write_model_info
from trainer.run import checkpoint_dir, run_fn
from trainer.warm_start import find_start

CONFIG = TrainConfig.model_validate(SMALL | {"warm_start": True})
NAMES = ("blue", "green", "red")


def logits(network: Network, images: np.ndarray) -> np.ndarray:
    return network.head(network.features(tf.constant(images)), training=False).numpy()


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> Network:
    """Not as it was built: every weight of the head differs from what a fresh one has."""
    made = build(CONFIG, 3, 100)
    random = np.random.default_rng(1)
    for layer in (made.dense, made.norm):
        layer.set_weights([random.uniform(0.5, 2, one.shape) for one in layer.get_weights()])
    return made


@pytest.fixture(scope="module")
def registry(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("registry")
    version = root / "colours" / "7"
    info = ModelInfo(
        class_names=NAMES,
        image_size=32,
        resize_size=37,
        stored_size=64,
        model="MobileNetV3Small",
        alpha=0.75,
    )
    write_model_info(str(version), info)
    network.model.save(version / "assets.extra" / "model.keras")
    return root


def told(registry: Path, number: str = "7") -> dict[str, Any]:
    return {"registry": str(registry), "name": "colours", "in_service": number}


def test_the_same_classes_give_the_very_same_answers(
    network: Network, registry: Path, images: np.ndarray
) -> None:
    start, why = find_start(CONFIG, told(registry), NAMES)
    assert why == "from version 7 in service"
    again = build(CONFIG, 3, 100, start)
    np.testing.assert_array_equal(logits(again, images), logits(network, images))


def test_folded_training_begins_there_too(
    network: Network, registry: Path, images: np.ndarray
) -> None:
    config = CONFIG.model_copy(
        update={"fine_tune": CONFIG.fine_tune.model_copy(update={"batch_norm": "inference"})}
    )
    start, _ = find_start(config, told(registry), NAMES)
    folded = build(config, 3, 100, start)
    assert folded.trunk is not folded.backbone
    np.testing.assert_allclose(logits(folded, images), logits(network, images), rtol=1e-3)


def test_classes_keep_their_rows_wherever_they_stand_now(
    network: Network, registry: Path, images: np.ndarray
) -> None:
    now = ("amber", "blue", "red", "violet")
    start, why = find_start(CONFIG, told(registry), now)
    assert why == "from version 7 in service (new: amber, violet; gone: green)"
    found = logits(build(CONFIG, 4, 100, start), images)
    before = logits(network, images)
    np.testing.assert_array_equal(found[:, [1, 2]], before[:, [0, 2]])
    # A new class has no weights yet: it answers every image alike, with the usual offset.
    usual = network.norm.beta.numpy().mean()
    np.testing.assert_allclose(found[:, [0, 3]], np.full((4, 2), usual), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "number", "why"),
    [
        ({"warm_start": False}, "7", "from random weights"),
        ({}, "", "from random weights: no version is in service, or this run is not told of it"),
        ({"alpha": 1.0}, "7", "it is a MobileNetV3Small of width 0.75"),
        ({"weights": "imagenet", "alpha": 1.0}, "7", "from ImageNet, not from version 7: it is"),
        ({}, "8", "not from version 8: "),
    ],
)
def test_says_why_it_begins_elsewhere(
    registry: Path, change: dict[str, Any], number: str, why: str
) -> None:
    start, found = find_start(CONFIG.model_copy(update=change), told(registry, number), NAMES)
    assert start is None
    assert why in found


def test_a_version_without_its_keras_file_is_no_start(registry: Path, tmp_path: Path) -> None:
    copy = tmp_path / "colours" / "7"
    shutil.copytree(registry / "colours" / "7", copy)
    (copy / "assets.extra" / "model.keras").unlink()
    start, why = find_start(CONFIG, told(tmp_path), NAMES)
    assert start is None
    assert "holds no model.keras" in why


def test_a_run_says_where_it_began_and_never_resumes_one_that_began_elsewhere(
    examples: Path, registry: Path, tmp_path: Path
) -> None:
    args = fn_args(examples, tmp_path, SMALL | {"warm_start": True, "epochs": 1})
    args.custom_config |= told(registry)
    config = TrainConfig.model_validate(args.custom_config["config"])
    train = Source.of(args.train_files, "train")
    folders = {
        checkpoint_dir(args.custom_config | {"in_service": number}, "", config, train)
        for number in ("", "7", "8")
    }
    assert len(folders) == 3
    run_fn(args)
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert history["start"] == "from version 7 in service (new: yellow)"
