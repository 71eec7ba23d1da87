"""A slice of the scenes set and a config of a short, deterministic training on it, for end-to-end tests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from components.model_pusher.registry import Registry
from pipeline.config import Config
from tests.shared import shared_path

PER_CLASS = {"train": 30, "test": 12}
EPOCHS = 2


def copy_slice(target: Path) -> None:
    """Photos of every class into `target/photos`, weights beside them."""
    source = shared_path("data/scenes")
    for split, count in PER_CLASS.items():
        for images in sorted((source / split).iterdir()):
            copied = target / "photos" / split / images.name
            copied.mkdir(parents=True)
            for file in sorted(images.iterdir())[:count]:
                shutil.copy(file, copied)
    weights = shared_path("weights/mobilenet_v3_small_0.75_imagenet_notop.weights.h5")
    shutil.copy(weights, target / "start.weights.h5")


def config_file(folder: Path, name: str, epochs: int) -> Path:
    """Writes a config whose output is `folder/name`."""
    values = {
        "name": "scenes",
        "output": str(folder / name),
        "registry": str(folder / name / "registry"),
        "data": {"root": str(folder / "photos")},
        "train": {
            "weights": str(folder / "start.weights.h5"),
            "alpha": 0.75,
            "image_size": 64,
            "epochs": epochs,
            "deterministic": True,
            "checkpoint_every_steps": 1,
            "export": {"tflite_int8": False},
        },
        # Little data and one epoch: confidence is off, latency depends on the machine.
        "evaluate": {"max_calibration_error": None},
        "beam": {"workers": 2},
    }
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def metrics(config: Config) -> dict[str, Any]:
    """Overall metrics of the model in service, without those that are times."""
    version = Registry(config.registry_root, config.name).in_service()
    assert version is not None
    found = version.read_json("metrics.json")["overall"]
    return {key: value for key, value in found.items() if not key.startswith("latency")}
