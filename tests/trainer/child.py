"""One small deterministic training in a process of its own, to be killed: `python -m tests.trainer.child JSON`.

It builds its model, then waits for a line on its standard input before it looks for a checkpoint: so the next process
gets ready, on the other core, while the one before is still training. Its network is short (`tests.trainer.short`):
what is tested is what a checkpoint holds, and twelve processes trace a whole MobileNetV3 for minutes.
"""

from __future__ import annotations

import json
import sys

import numpy as np


def main() -> None:
    job = json.loads(sys.argv[1])
    from tests.trainer.short import load_short
    from trainer import loop, model
    from trainer.config import TrainConfig
    from trainer.input import Source
    from trainer.seeds import set_seeds
    from trainer.watch import Watch

    model.load_backbone = load_short
    config = TrainConfig.model_validate(job["config"])
    set_seeds(config)
    train = Source.of(f"{job['examples']}/Split-train/*", "train")
    val = Source.of(f"{job['examples']}/Split-val/*", "val")
    ready = loop.Run(train, val, config, job["checkpoints"], Watch(), None)
    sys.stdin.readline()
    fitted = ready.fit()
    weights = [one.numpy() for one in fitted.network.model.variables]
    np.savez(job["out"], *weights)
    sys.stdout.write(f"RESUMED {fitted.resumed_from}\n")


if __name__ == "__main__":
    main()
