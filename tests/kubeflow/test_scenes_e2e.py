"""The whole pipeline on real photos: each compiled container as a process, compared with the local runner."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.model_pusher.registry import Registry
from kubeflow.compile import compile_pipeline
from pipeline.config import Config, load_config
from tests.kubeflow.standin import REPO, SKIPPED, SUCCEEDED, StandIn
from tests.shared import shared_path

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]
PER_CLASS = {"train": 24, "test": 10}
EPOCHS = 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A slice of the scenes set, and a config of a short, deterministic training on it."""
    source = shared_path("data/scenes")
    target = tmp_path_factory.mktemp("scenes")
    for split, count in PER_CLASS.items():
        for images in sorted((source / split).iterdir()):
            copied = target / "photos" / split / images.name
            copied.mkdir(parents=True)
            for file in sorted(images.iterdir())[:count]:
                shutil.copy(file, copied)
    return target


def _config(folder: Path, name: str, epochs: int) -> Path:
    values = {
        "name": "scenes",
        "output": str(folder / name),
        "data": {"root": str(folder / "photos")},
        "train": {
            "weights": str(
                shared_path("weights/mobilenet_v3_small_0.75_imagenet_notop.weights.h5")
            ),
            "alpha": 0.75,
            "image_size": 64,
            "epochs": epochs,
            "head": {"epochs": 5},
            "deterministic": True,
        },
        "beam": {"workers": 2},
    }
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def _metrics(config: Config) -> dict[str, Any]:
    version = Registry(config.registry_root, config.name).in_service()
    assert version is not None
    found = version.read_json("metrics.json")["overall"]
    return {key: value for key, value in found.items() if not key.startswith("latency")}


@pytest.fixture(scope="module")
def on_kubeflow(folder: Path):
    """The config, the compiled document and the finished run; epochs are set at run time only."""
    config = load_config(_config(folder, "kubeflow", epochs=EPOCHS + 3))
    spec, _ = yaml.safe_load_all(compile_pipeline(config).yaml())
    run = StandIn(spec, workspace=folder / "kfp").run({"epochs": EPOCHS})
    return config, spec, run


def test_every_container_does_its_work(on_kubeflow):
    _, spec, run = on_kubeflow
    assert not run.failed, run.logs[run.failed[0]][-4000:]
    assert set(run.states) == set(spec["root"]["dag"]["tasks"])
    assert set(run.states.values()) == {SUCCEEDED}
    assert run.artifacts["model-evaluator"]["blessing"].metadata["blessed"] == 1.0
    assert run.artifacts["model-pusher"]["pushed_model"].metadata["pushed"] == 1.0


def test_epochs_of_the_run_reached_training_and_the_record(on_kubeflow):
    config, _, _ = on_kubeflow
    version = Registry(config.registry_root, config.name).in_service()
    assert version is not None
    assert version.read_json("config.json")["train"]["epochs"] == EPOCHS


def test_the_pushed_model_is_the_local_runners(on_kubeflow, folder: Path):
    file = _config(folder, "local", epochs=EPOCHS)
    done = subprocess.run(
        [sys.executable, "-m", "imagemill", "run", "--config", str(file), "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["blessed"] is True
    assert _metrics(load_config(file)) == pytest.approx(_metrics(on_kubeflow[0]), abs=1e-4)


def test_nothing_new_is_skipped_on_the_cluster_too(on_kubeflow, folder: Path):
    config, _, _ = on_kubeflow
    policy = config.retrain.model_copy(update={"when": "changed"})
    again = config.model_copy(update={"retrain": policy})
    spec, _ = yaml.safe_load_all(compile_pipeline(again).yaml())
    run = StandIn(spec, workspace=folder / "again").run({"epochs": EPOCHS})
    assert run.states.pop("retrain-check") == SUCCEEDED
    assert set(run.states.values()) == {SKIPPED}
