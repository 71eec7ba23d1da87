"""One step on one CPU and on two virtual ones, or in bfloat16: `python -m tests.trainer.devices_child EXAMPLES`."""

from __future__ import annotations

import json
import sys
import tempfile

import numpy as np
import tensorflow as tf


def main() -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from trainer import loop
    from trainer.config import TrainConfig
    from trainer.input import Source
    from trainer.seeds import set_seeds

    root = sys.argv[1]
    train, val = (Source.of(f"{root}/Split-{one}/*", one) for one in ("train", "val"))
    base = {
        "weights": "none",
        "alpha": 0.75,
        "image_size": 32,
        "batch_size": 32,
        "epochs": 1,
        # Inference-mode BatchNorm: statistics per device would make two devices differ by design.
        "fine_tune": {"batch_norm": "inference"},
        "optimizer": {"name": "sgd"},
    }
    weights, found = {}, {}
    for name, change in {
        "single": {"strategy": "single"},
        "mirrored": {"strategy": "mirrored"},
        "bfloat16": {"mixed_precision": "mixed_bfloat16"},
        "float16": {"mixed_precision": "mixed_float16"},
        "both": {"strategy": "mirrored", "mixed_precision": "mixed_float16"},
    }.items():
        config = TrainConfig.model_validate(base | change)
        set_seeds(config)
        with tempfile.TemporaryDirectory() as folder:
            fitted = loop.fit(train, val, config, checkpoint_dir=folder)
        model = fitted.network.model
        weights[name] = np.concatenate([one.numpy().ravel() for one in model.trainable_variables])
        distance = float(np.abs(weights[name] - weights["single"]).max())
        found[name] = {
            "distance": distance,
            "compute": model.layers[-2].compute_dtype,
            "loss": fitted.history[0]["loss"],
        }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
