"""Real runs of the real command on real images, with the default recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.imagemill.cli_process import imagemill
from tests.shared import shared_path

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


def test_scenes_with_imagenet_weights(tmp_path: Path):
    weights = shared_path("weights/mobilenet_v3_small_0.75_imagenet_notop.weights.h5")
    done = imagemill(
        *("run", shared_path("data/scenes"), "--weights", weights, "--alpha", "0.75"),
        *("--set", "train.export.tflite_int8=false", "--json"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["blessed"] is True
    assert {step["state"] for step in result["steps"]} == {"done"}
    assert result["metrics"]["accuracy"] > 0.86
