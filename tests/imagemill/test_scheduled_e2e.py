"""Scheduled runs of the real pipeline: a reason, no reason, and a kill in the middle of training."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.imagemill.cli_process import environment, imagemill
from tests.imagemill.photos import write_photos

pytestmark = pytest.mark.e2e

_CONFIG = """
name: m
output: out
data: {root: photos}
train: {weights: none, alpha: 0.75, image_size: 32, epochs: 3, head: {epochs: 0}, export: {tflite_int8: false}}
evaluate: {min_gain: null, min_class_recall: null, max_calibration_error: null}
retrain: {when: any, of: [new_data, failed_run], min_new_images: 10}
gate: {policies: {exact_duplicates: ignore}}
"""


def _run(folder: Path) -> dict:
    done = imagemill("run", "--config", "m.yaml", "--scheduled", "--json", cwd=folder)
    assert done.returncode in (0, 4), done.stderr
    return json.loads(done.stdout)


def _states(result: dict) -> dict[str, str]:
    return {step["id"]: step["state"] for step in result["steps"]}


def _history(folder: Path) -> list[str]:
    done = imagemill("schedule", "history", "m.yaml", "--json", cwd=folder)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        event.get("outcome") or {True: "retrain", False: "skip"}[event["retrain"]]
        for event in events
    ]


def _start_and_kill_in_training(folder: Path) -> None:
    command = [sys.executable, "-m", "imagemill", "run", "--config", "m.yaml", "--scheduled"]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith("Train"):
                os.killpg(run.pid, signal.SIGKILL)
                return
    pytest.fail("it never trained")


def test_trained_skipped_killed_and_gone_on(tmp_path: Path):
    write_photos(tmp_path / "photos", {"cat": 60, "dog": 60, "owl": 60})
    (tmp_path / "m.yaml").write_text(_CONFIG)
    first = _run(tmp_path)
    assert first["decision"]["reason"] == "no model is in service yet"
    assert first["pushed_version"] == "1"

    second = _states(_run(tmp_path))
    assert second.pop("retrain-check") == "done"
    assert set(second.values()) == {"skipped"}

    for i in range(12):
        source = write_photos(tmp_path / f"more-{i}", {"cat": 1}, seed=100 + i)
        (source / "cat" / "000.jpg").rename(tmp_path / "photos" / "cat" / f"more-{i}.jpg")
    _start_and_kill_in_training(tmp_path)
    last = _run(tmp_path)
    assert "12 new images since version 1" in last["decision"]["reason"]
    assert "the last run was killed" in last["decision"]["reason"]
    states = _states(last)
    assert [states[step] for step in ("retrain-check", "image-example-gen", "data-gate")] == [
        "cached"
    ] * 3
    assert states["trainer"] == "done"
    end = "pushed" if last["blessed"] else "refused_model"
    assert _history(tmp_path) == ["retrain", "pushed", "skip", "retrain", "retrain", end]
