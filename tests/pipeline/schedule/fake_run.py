"""Stands in for `imagemill run --scheduled`: the real lock, decision, registry and history; a sleep for the training.

python -m tests.pipeline.schedule.fake_run CONFIG SECONDS
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from components.image_example_gen.listing import list_images
from components.model_pusher.registry import Registry
from components.retrain_check.decision import Decision
from pipeline.config import Config, load_config
from pipeline.local import prepare_output
from pipeline.lock import run_lock
from pipeline.recorded import Plan, recorded
from pipeline.result import RunResult
from pipeline.schedule.unattended import unattended, with_a_reason


def main(config_file: str, seconds: float) -> None:
    config = with_a_reason(load_config(config_file))
    with unattended(config):
        folder = prepare_output(config)
        listing = list_images(config.data.root, config.ingest)
        with run_lock(folder / "run.lock"):
            recorded(
                Plan(config, listing, "code", by="schedule"), lambda d: train(config, d, seconds)
            )


def train(config: Config, decision: Decision, seconds: float) -> RunResult:
    """Takes its time, and pushes a model that no other run made."""
    if not decision.retrain:
        return RunResult("fake", (), decision)
    with Path(config.output, "trainings").open("a") as log:
        log.write("begun\n")
    time.sleep(seconds)
    return push(config, decision)


def push(config: Config, decision: Decision) -> RunResult:
    """What the release steps do with a blessed model."""
    folder = Path(config.output, f"model-{time.time_ns()}")
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_text(folder.name)
    lineage = {"data_version": decision.data_version, "run_version": decision.run_version}
    pushed = Registry(config.registry_root, config.name).push(
        str(folder), {"lineage.json": json.dumps(lineage).encode()}
    )
    version = str(pushed.version.number)
    return RunResult(
        "fake", (), decision, metrics={"accuracy": 0.9}, blessed=True, pushed_version=version
    )


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
