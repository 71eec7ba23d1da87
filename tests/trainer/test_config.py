from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from trainer.config import CutMixConfig, FineTuneConfig, TrainConfig


def test_resize_size_defaults_to_an_eighth_more_than_the_crop() -> None:
    assert TrainConfig().resized == 183
    assert TrainConfig(image_size=224).resized == 256
    assert TrainConfig(resize_size=200).resized == 200
    assert TrainConfig(crop=False, resize_size=200).resized == 160


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"alpha": 0.5}, "must be one of"),
        ({"resize_size": 100}, "resize_size must be at least image_size"),
        ({"label_mode": "int"}, "cutmix, label_smoothing"),
        ({"epoch": 3}, "Extra inputs"),
        ({"batch_size": "many"}, "valid integer"),
    ],
)
def test_refuses(settings: dict[str, object], part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        TrainConfig.model_validate(settings)


def test_integer_labels_are_fine_without_soft_labels() -> None:
    config = TrainConfig(label_mode="int", label_smoothing=0, cutmix=CutMixConfig(enabled=False))
    assert config.soft_labels == ()


def test_survives_json_and_imports_no_tensorflow() -> None:
    config = TrainConfig(weights="none")
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config
    code = "import sys, trainer.config; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_batch_norm_mode_follows_the_weights() -> None:
    assert TrainConfig(weights="none").updates_batch_norm
    assert not TrainConfig(weights="imagenet").updates_batch_norm


def test_first_layers_learn_more_slowly_only_when_they_know_something() -> None:
    assert TrainConfig(weights="imagenet").layer_decay == 0.85
    assert TrainConfig(weights="none").layer_decay == 1.0
    assert TrainConfig(weights="none", fine_tune=FineTuneConfig(layer_decay=0.7)).layer_decay == 0.7
