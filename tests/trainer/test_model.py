from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.shared import shared_path
from trainer import weights
from trainer.config import FineTuneConfig, TrainConfig
from trainer.errors import UserError
from trainer.groups import make_groups
from trainer.model import batch_norm_momentum, build

SMALL = TrainConfig(weights="none", alpha=0.75, image_size=32)


@pytest.mark.parametrize(
    ("steps", "momentum"), [(1, 0.9), (200, 0.9), (2_000, 0.99), (20_000, 0.999), (10**6, 0.999)]
)
def test_momentum_lets_the_statistics_arrive(steps: int, momentum: float) -> None:
    assert batch_norm_momentum(steps) == pytest.approx(momentum)


def test_the_head_is_that_of_the_seed_notes() -> None:
    network = build(SMALL, 5, 100)
    kinds = [type(one).__name__ for one in network.model.layers[2:]]
    assert kinds == ["GlobalAveragePooling2D", "Dense", "BatchNormalization", "Softmax"]
    probabilities = network.model.predict(np.zeros((2, 32, 32, 3)), verbose=0)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_earlier_blocks_learn_more_slowly_and_later_join_first() -> None:
    config = SMALL.model_copy(
        update={
            "fine_tune": SMALL.fine_tune.model_copy(
                update={"layer_decay": 0.5, "unfreeze_epochs": 2.0, "batch_norm": "inference"}
            )
        }
    )
    network = build(config, 5, 100)
    variables, groups = make_groups(network, config, steps_per_epoch=13)
    by_name = {one.path: i for i, one in enumerate(variables)}
    stem = next(i for path, i in by_name.items() if path.startswith("conv/"))
    last = next(i for path, i in by_name.items() if path.startswith("conv_1/"))
    assert groups.multipliers[stem] == pytest.approx(0.5**12)
    assert groups.multipliers[last] == 1.0
    assert groups.starts[stem] == 26
    assert groups.starts[last] == 2
    assert (groups.multipliers[-1], groups.starts[-1]) == (1.0, 0)
    assert len(variables) == len(groups.decayed) == len(groups.starts)


def test_an_unreachable_download_names_the_file_and_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise OSError("URL fetch failure: no route to host")

    monkeypatch.setattr("keras.src.applications.mobilenet_v3.file_utils.get_file", fail)
    with pytest.raises(UserError) as caught:
        build(TrainConfig(image_size=224, alpha=0.75), 5, 100)
    name = "weights_mobilenet_v3_small_224_0.75_float_no_top_v2.h5"
    assert name in caught.value.message
    assert f"fetch {name}" in caught.value.fix
    assert "set `weights` to its path" in caught.value.fix


def test_the_file_name_is_the_one_keras_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def note(name: str, *_args: Any, **_kwargs: Any) -> None:
        asked.append(name)
        raise OSError

    monkeypatch.setattr("keras.src.applications.mobilenet_v3.file_utils.get_file", note)
    for model, alpha in (("MobileNetV3Small", 0.75), ("MobileNetV3Large", 1.0)):
        config = TrainConfig(model=model, alpha=alpha, image_size=224)
        with pytest.raises(UserError):
            weights.load_backbone(config)
        assert asked[-1] == weights.imagenet_file(model, alpha)


def test_weights_of_another_width_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "narrow.weights.h5"
    weights.load_backbone(SMALL).save_weights(path)
    wide = TrainConfig(weights=str(path), alpha=1.0, image_size=32)
    with pytest.raises(UserError, match=r"do not fit MobileNetV3Small with alpha 1"):
        weights.load_backbone(wide)
    again = weights.load_backbone(SMALL.model_copy(update={"weights": str(path)}))
    assert isinstance(again, keras.Model)


def test_loads_the_weights_beside_the_project() -> None:
    path = shared_path("weights/mobilenet_v3_small_0.75_imagenet_notop.weights.h5")
    loaded = weights.load_backbone(SMALL.model_copy(update={"weights": str(path)}))
    fresh = weights.load_backbone(SMALL)
    assert np.abs(loaded.get_weights()[0] - fresh.get_weights()[0]).max() > 0.1


@pytest.mark.parametrize(
    ("mode", "head_norm", "trains"),
    [
        ("inference", "auto", False),
        ("inference", "train", True),
        ("train", "auto", True),
        ("train", "inference", False),
    ],
)
def test_the_head_is_normalised_by_the_batch_only_where_that_is_asked_for(
    mode: str, head_norm: str, trains: bool
) -> None:
    tuning = FineTuneConfig(batch_norm=mode, head_norm=head_norm)
    network = build(SMALL.model_copy(update={"fine_tune": tuning}), 5, 100)
    features = np.random.default_rng(0).normal(0, 1, (8, 432)).astype(np.float32)
    training = network.head(features, training=True).numpy()
    by_batch = np.abs(training.mean(0)).max() < 1e-4
    assert by_batch == trains
    changed = np.abs(network.norm.moving_mean.numpy()).max() > 0
    assert changed == trains
