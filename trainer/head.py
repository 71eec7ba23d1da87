"""Phase one: the head alone, on features of the frozen backbone that are computed once and reused.

features, labels = cached_features(network, source, config)
train_head(network, features, labels, config)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer import losses
from trainer.config import TrainConfig
from trainer.input import Source, evaluation_batches
from trainer.mixing import encode_labels
from trainer.model import Network
from trainer.optimizer import FlatOptimizer, Groups, flatten, learning_rate_at
from trainer.progress import report

_TASK = "train head"
_STEPS_PER_EPOCH = 50


def cached_features(
    network: Network, source: Source, config: TrainConfig
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Features of every view of a split: float32 [V * N, D], and labels int64 [V * N]."""
    views = [False, True] if config.flip and config.head.views == 2 else [False]
    extract = tf.function(
        lambda images: network.features(tf.cast(images, network.model.compute_dtype)),
        reduce_retracing=True,
    )
    features, labels, done = [], [], 0
    for mirrored in views:
        for images, batch_labels in evaluation_batches(source, config, mirrored=mirrored):
            features.append(extract(images).numpy().astype(np.float32))
            labels.append(batch_labels.numpy())
            done += len(labels[-1])
        report(_TASK, done=done, total=source.size * len(views), unit="images")
    return np.concatenate(features), np.concatenate(labels)


def train_head(
    network: Network, features: NDArray[Any], labels: NDArray[Any], config: TrainConfig
) -> float:
    """Trains the head on cached features and returns the last epoch's mean loss.

    Args:
      network: whose head is trained in place.
      features: float32 [N, D].
      labels: int64 [N].
      config: epochs, learning rate, label form, smoothing and seed.
    """
    classes = int(network.dense.units)
    optimizer_config = config.optimizer.model_copy(update={"ema_decay": None})
    variables = network.head_variables
    optimizer = FlatOptimizer(variables, optimizer_config, Groups.uniform(variables))
    weights = _class_weights(labels, classes, config)
    held, targets = tf.constant(features), tf.constant(labels)

    @tf.function  # type: ignore[untyped-decorator]
    def step(rows: tf.Tensor, rate: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        picked = encode_labels(tf.gather(targets, rows), classes, config.label_mode)
        with tf.GradientTape() as tape:
            logits = network.head(tf.gather(held, rows), training=True)
            each = losses.example_losses(
                logits, picked, mode=config.label_mode, smoothing=config.label_smoothing
            )
            loss = tf.reduce_mean(
                each * losses.label_weights(picked, tf.constant(weights), config.label_mode)
            )
        gradient = tape.gradient(loss, [one.value for one in variables])
        optimizer.apply(flatten(gradient), rate, number)
        return loss

    return _loop(step, len(labels), config)


def _loop(step: tf.types.experimental.GenericFunction, count: int, config: TrainConfig) -> float:
    batch = max(min(config.batch_size, count), count // _STEPS_PER_EPOCH)
    per_epoch = count // batch
    total, mean = per_epoch * config.head.epochs, float("nan")
    random = np.random.default_rng(config.seed)
    for epoch in range(config.head.epochs):
        order = random.permutation(count)[: per_epoch * batch].reshape(per_epoch, batch)
        outcomes = []
        for row, indices in enumerate(order):
            number = epoch * per_epoch + row
            rate = learning_rate_at(number, total, config.head.learning_rate, config.optimizer)
            outcomes.append(
                step(
                    tf.constant(indices),
                    tf.constant(rate, tf.float32),
                    tf.constant(number, tf.int64),
                )
            )
        mean = float(tf.reduce_mean(outcomes))
    report(
        _TASK,
        done=config.head.epochs,
        total=config.head.epochs,
        unit="epochs",
        metrics={"loss": mean},
        final=True,
    )
    return mean


def _class_weights(labels: NDArray[Any], classes: int, config: TrainConfig) -> NDArray[Any]:
    if config.class_balance == "none":
        return np.ones(classes, np.float32)
    return losses.class_weights(np.bincount(labels, minlength=classes))
