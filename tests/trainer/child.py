"""One small deterministic training in a process of its own, to be killed: `python -m tests.trainer.child JSON`."""

from __future__ import annotations

import json
import sys

import numpy as np


def main() -> None:
    job = json.loads(sys.argv[1])
    from trainer import loop, run
    from trainer.config import TrainConfig
    from trainer.input import Source

    config = TrainConfig.model_validate(job["config"])
    run.set_seeds(config)
    train = Source.of(f"{job['examples']}/Split-train/*", "train")
    val = Source.of(f"{job['examples']}/Split-val/*", "val")
    fitted = loop.fit(train, val, config, checkpoint_dir=job["checkpoints"])
    weights = [one.numpy() for one in fitted.network.model.variables]
    np.savez(job["out"], *weights)
    sys.stdout.write(f"RESUMED {fitted.resumed_from}\n")


if __name__ == "__main__":
    main()
