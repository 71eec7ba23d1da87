from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.config import OptimizerConfig
from trainer.optimizer import FlatOptimizer, Groups, learning_rate_at

_GRADIENTS = [np.array([[0.5, -2.0], [0.1, 0.3]]), np.array([1.0, -0.2])]


def _variables() -> list[keras.Variable]:
    start = [np.array([[1.0, 2.0], [3.0, -4.0]]), np.array([0.5, -0.5])]
    return [keras.Variable(value, dtype="float32") for value in start]


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("adam", lambda: keras.optimizers.Adam(0.01)),
        ("sgd", lambda: keras.optimizers.SGD(0.01, momentum=0.9)),
        ("adamw", lambda: keras.optimizers.AdamW(0.01, weight_decay=0.02)),
    ],
)
def test_agrees_with_keras(name: str, reference: object) -> None:
    ours, theirs = _variables(), _variables()
    config = OptimizerConfig(name=name, clip_norm=None, ema_decay=None, weight_decay=0.02)
    groups = Groups([1.0, 1.0], [True, False], [0, 0])
    optimizer = FlatOptimizer(ours, config, groups)
    keras_optimizer = reference()  # type: ignore[operator]
    if name == "adamw":
        keras_optimizer.exclude_from_weight_decay([theirs[1]])
    for step in range(5):
        flat = np.concatenate([one.ravel() for one in _GRADIENTS]).astype(np.float32) * (step + 1)
        optimizer.apply(tf.constant(flat), tf.constant(0.01), tf.constant(step, tf.int64))
        scaled = [tf.constant(one * (step + 1), tf.float32) for one in _GRADIENTS]
        keras_optimizer.apply(scaled, theirs)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=2e-5)


def test_clips_by_the_global_norm_and_returns_it_unclipped() -> None:
    variables = _variables()
    before = np.concatenate([one.numpy().ravel() for one in variables])
    config = OptimizerConfig(name="sgd", clip_norm=1.0, ema_decay=None)
    optimizer = FlatOptimizer(variables, config, Groups.uniform(variables))
    gradient = np.array([3, 0, 0, 0, 4, 0], np.float32)
    norm = optimizer.apply(tf.constant(gradient), tf.constant(1.0), tf.constant(0, tf.int64))
    after = np.concatenate([one.numpy().ravel() for one in variables])
    assert float(norm) == pytest.approx(5.0)
    np.testing.assert_allclose(before - after, gradient / 5, rtol=1e-5)


def test_multipliers_and_starts_hold_variables_back() -> None:
    variables = _variables()
    config = OptimizerConfig(name="sgd", clip_norm=None, ema_decay=None)
    optimizer = FlatOptimizer(variables, config, Groups([0.5, 1.0], [False, False], [0, 3]))
    for step in range(4):
        optimizer.apply(tf.ones([6]), tf.constant(0.1), tf.constant(step, tf.int64))
        held = variables[1].numpy()[0] == 0.5
        assert held == (step < 3)
    assert variables[0].numpy()[0, 0] == pytest.approx(
        1 - 0.05 * (1 + 1.9 + 2.71 + 3.439), abs=1e-5
    )


def test_the_average_warms_up() -> None:
    variables = _variables()
    config = OptimizerConfig(name="sgd", clip_norm=None, ema_decay=0.999)
    optimizer = FlatOptimizer(variables, config, Groups.uniform(variables))
    start = optimizer.slots["ema"].numpy()
    optimizer.apply(tf.ones([6]), tf.constant(1.0), tf.constant(0, tf.int64))
    np.testing.assert_allclose(optimizer.slots["ema"].numpy(), start - 0.9, rtol=1e-6)


def test_schedule_rises_linearly_and_falls_as_a_cosine() -> None:
    config = OptimizerConfig(warmup_fraction=0.1)
    rates = [learning_rate_at(step, 100, 1.0, config) for step in range(100)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 11)
    assert rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5)
    assert 0 < rates[99] < 0.001
    constant = OptimizerConfig(schedule="constant", warmup_fraction=0)
    assert learning_rate_at(99, 100, 0.3, constant) == 0.3
