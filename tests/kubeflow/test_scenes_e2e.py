"""The whole pipeline on real photos: each compiled container as a process, compared with the local runner."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from components.model_pusher.registry import Registry
from kubeflow.compile import compile_pipeline
from pipeline.config import load_config
from tests.kubeflow.preempting import Preempting
from tests.kubeflow.scenes import EPOCHS, config_file, copy_slice, metrics
from tests.kubeflow.standin import REPO, SKIPPED, SUCCEEDED, StandIn

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("scenes")
    copy_slice(target)
    return target


@pytest.fixture(scope="module")
def on_kubeflow(folder: Path):
    """The config, the compiled document and the finished run; epochs are set at run time only.

    The trainer's pod is taken away twice on the way: with notice (SIGTERM) and without (SIGKILL).
    """
    config = load_config(config_file(folder, "kubeflow", epochs=EPOCHS + 3))
    spec, _ = yaml.safe_load_all(compile_pipeline(config).yaml())
    launch = Preempting("trainer", Path(config.registry_root))
    run = StandIn(spec, workspace=folder / "kfp", launch=launch).run({"epochs": EPOCHS})
    return config, spec, run


def test_every_container_does_its_work(on_kubeflow):
    _, spec, run = on_kubeflow
    assert not run.failed, run.logs[run.failed[0]][-4000:]
    assert set(run.states) == set(spec["root"]["dag"]["tasks"])
    assert set(run.states.values()) == {SUCCEEDED}
    assert run.artifacts["model-evaluator"]["blessing"].metadata["blessed"] == 1.0
    assert run.artifacts["model-pusher"]["pushed_model"].metadata["pushed"] == 1.0


def test_the_trainer_was_preempted_twice_and_went_on(on_kubeflow):
    _, _, run = on_kubeflow
    assert run.exit_codes["trainer"] == [1, 1, 0]
    assert "the pod was told to stop" in run.logs["trainer"]
    resumed = re.findall(r"going on from the checkpoint of step (\d+)", run.logs["trainer"])
    steps = [int(step) for step in resumed]
    assert steps == sorted(steps)
    assert len(set(steps)) == 2


def test_the_report_is_a_page_for_the_ui(on_kubeflow, folder: Path):
    _, _, run = on_kubeflow
    page = run.artifacts["report"]["page"]
    assert page.type["schemaTitle"] == "system.HTML"
    stored = folder / "kfp" / "bucket" / page.uri.partition("://")[2]
    assert stored.read_text().lstrip().lower().startswith("<!doctype html")


def test_epochs_of_the_run_reached_training_and_the_record(on_kubeflow):
    config, _, _ = on_kubeflow
    version = Registry(config.registry_root, config.name).in_service()
    assert version is not None
    assert version.read_json("config.json")["train"]["epochs"] == EPOCHS


def test_the_pushed_model_is_the_local_runners(on_kubeflow, folder: Path):
    file = config_file(folder, "local", epochs=EPOCHS)
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
    assert metrics(load_config(file)) == pytest.approx(metrics(on_kubeflow[0]), abs=1e-4)


def test_nothing_new_is_skipped_on_the_cluster_too(on_kubeflow, folder: Path):
    config, _, _ = on_kubeflow
    policy = config.retrain.model_copy(update={"when": "changed"})
    again = config.model_copy(update={"retrain": policy})
    spec, _ = yaml.safe_load_all(compile_pipeline(again).yaml())
    run = StandIn(spec, workspace=folder / "again").run({"epochs": EPOCHS})
    assert run.states.pop("retrain-check") == SUCCEEDED
    assert set(run.states.values()) == {SKIPPED}
