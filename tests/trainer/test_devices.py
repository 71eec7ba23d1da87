from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.config import TrainConfig
from trainer.devices import make_strategy


def test_without_gpus_it_is_one_device() -> None:
    assert make_strategy(TrainConfig()).num_replicas_in_sync == 1


@pytest.mark.e2e
def test_two_devices_and_half_precision_train_as_one_in_float32(examples: Path) -> None:
    command = [sys.executable, "-m", "tests.trainer.devices_child", str(examples)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["mirrored"]["distance"] < 1e-3
    for outcome in found.values():
        assert outcome["compute"] == "float32"
        assert math.isfinite(outcome["loss"])
        assert outcome["loss"] == pytest.approx(found["single"]["loss"], rel=0.05)
