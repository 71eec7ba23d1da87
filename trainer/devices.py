"""Which devices a run trains on.

strategy = make_strategy(config)
with strategy.scope(): ...
"""

from __future__ import annotations

import os

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
