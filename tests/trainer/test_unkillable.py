from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.short import load_short
from trainer import loop
from trainer.checkpoint import load_latest
from trainer.config import TrainConfig
from trainer.errors import ExitCode, UserError
from trainer.input import Source
from trainer.watch import Watch

CONFIG: dict[str, Any] = {
    "weights": "none",
    "alpha": 0.75,
    "image_size": 32,
    "batch_size": 16,
    "epochs": 20,
    "cutmix": {"off_last_epochs": 1},
    "checkpoint_every_steps": 1,
    "deterministic": True,
}
KILLS = 10


def _job(examples: Path, folder: Path, name: str) -> dict[str, Any]:
    return {
        "config": CONFIG,
        "examples": str(examples),
        "checkpoints": str(folder / f"{name}-checkpoints"),
        "out": str(folder / f"{name}.npz"),
    }


def _prepare(job: dict[str, Any]) -> subprocess.Popen[str]:
    """A process that gets ready for the job and waits to be told to begin."""
    command = [sys.executable, "-m", "tests.trainer.child", json.dumps(job)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        command,
        env=quiet,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _begin(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return process


def _finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-3000:]
    return out


def _newest(job: dict[str, Any]) -> int:
    names = sorted(Path(job["checkpoints"]).glob("step-*.ckpt"))
    return int(names[-1].stem.removeprefix("step-")) if names else -1


def _kill_after(
    process: subprocess.Popen[str], job: dict[str, Any], step: int, delay: float
) -> None:
    """Kills at a random moment once the run is past a step."""
    while process.poll() is None and _newest(job) < step:
        time.sleep(0.005)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, err[-3000:]


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_killed_ten_times_and_resumed_it_ends_with_the_same_weights(
    examples: Path, tmp_path: Path
) -> None:
    straight, killed = (_job(examples, tmp_path, name) for name in ("straight", "killed"))
    uninterrupted, waiting = _begin(_prepare(straight)), _prepare(killed)
    moments = random.Random(5)
    for kill in range(KILLS):
        process, waiting = _begin(waiting), _prepare(killed)
        step = max(_newest(killed), 0) + moments.randint(1, 2) if kill else 0
        _kill_after(process, killed, step, moments.random() * 0.1)
    _finish(uninterrupted)
    resumed_from = int(_finish(_begin(waiting)).split("RESUMED")[1])
    assert resumed_from > KILLS // 2
    with np.load(straight["out"]) as expected, np.load(killed["out"]) as got:
        assert expected.files == got.files
        for name in expected.files:
            np.testing.assert_array_equal(got[name], expected[name])


def _fit(examples: Path, folder: Path, change: dict[str, Any], **more: Any) -> loop.Fitted:
    config = TrainConfig.model_validate(CONFIG | {"deterministic": False} | change)
    train = Source.of(f"{examples}/Split-train/*", "train")
    val = Source.of(f"{examples}/Split-val/*", "val")
    return loop.fit(train, val, config, checkpoint_dir=str(folder / "checkpoints"), **more)


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_leaves_a_checkpoint_that_the_next_run_continues(
    examples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    expected: type[BaseException],
) -> None:
    monkeypatch.setattr("trainer.model.load_backbone", load_short)
    change = {"epochs": 2, "checkpoint_every_steps": 10_000}

    class SignalsItself(Watch):
        def epoch(self, record: Any, step: int) -> None:
            threading.Thread(target=os.kill, args=(os.getpid(), number)).start()
            time.sleep(0.2)

    with pytest.raises(expected):
        _fit(examples, tmp_path, change, watch=SignalsItself())
    saved = load_latest(str(tmp_path / "checkpoints"))
    assert saved is not None
    assert saved.step == 6
    fitted = _fit(examples, tmp_path, change)
    assert fitted.resumed_from == 6
    assert [one["epoch"] for one in fitted.history] == [1, 2]


def test_divergence_stops_with_the_last_good_weights(examples: Path, tmp_path: Path) -> None:
    change = {"learning_rate": 1e6, "optimizer": {"name": "sgd", "clip_norm": None}, "epochs": 40}
    with pytest.raises(UserError, match="diverged at step") as caught:
        _fit(examples, tmp_path, change, watch=Watch(str(tmp_path / "logs")))
    assert caught.value.code == ExitCode.TRAINING_FAILED
    assert (tmp_path / "logs" / "last_good.weights.h5").stat().st_size > 100_000
