"""Which devices a run trains on, and in which arithmetic.

strategy = make_strategy(config)
with strategy.scope(), precision(policy_name(config)): ...
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import keras
import tensorflow as tf

from trainer.config import TrainConfig
from trainer.errors import UserError


def make_strategy(config: TrainConfig) -> tf.distribute.Strategy:
    """The distribution strategy that the settings and the machine ask for.

    Raises:
      UserError: the batch cannot be shared evenly by the devices.
    """
    strategy = _strategy(config.strategy)
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        raise UserError(
            f"`batch_size` {config.batch_size} cannot be shared evenly by {replicas} devices",
            fix=f"make it a multiple of {replicas}",
        )
    return strategy


def _strategy(name: str) -> tf.distribute.Strategy:
    gpus = tf.config.list_logical_devices("GPU")
    if name == "multi_worker" or (name == "auto" and os.environ.get("TF_CONFIG")):
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "mirrored" and not gpus:
        cpus = [one.name for one in tf.config.list_logical_devices("CPU")]
        return tf.distribute.MirroredStrategy(
            cpus, cross_device_ops=tf.distribute.HierarchicalCopyAllReduce()
        )
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def policy_name(config: TrainConfig) -> str:
    """The Keras dtype policy of training.

    auto is float32 except on NVIDIA GPUs with tensor cores: bfloat16 was measured at half of float32's speed on CPUs.
    """
    if config.mixed_precision != "auto":
        return config.mixed_precision
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(one) for one in gpus]
    capable = [one.get("compute_capability", (0, 0)) >= (7, 0) for one in details]
    return "mixed_float16" if capable and all(capable) else "float32"


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Inside, new Keras layers have this dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
