from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.config import FineTuneConfig, OptimizerConfig, TrainConfig
from trainer.groups import layer_scales, make_groups
from trainer.model import build
from trainer.optimizer import FlatOptimizer, Groups

CONFIG = TrainConfig(weights="none", alpha=0.75, image_size=32)


def test_scale_of_a_convolution_by_hand() -> None:
    kernel = np.zeros((1, 1, 2, 2))
    kernel[0, 0, :, 0], kernel[0, 0, :, 1] = (3, 3), (0, 4)
    bias = np.array([1.0, 7.0])
    of_kernel, of_bias = layer_scales([kernel, bias])
    channels = [3, 4 / np.sqrt(2)]
    np.testing.assert_allclose(of_kernel, channels)
    # The bias is 5 on the whole (root mean square) and the kernel sqrt(34 / 4).
    np.testing.assert_allclose(of_bias, np.array(channels) * 5 / np.sqrt(34 / 4))


def test_a_depthwise_kernel_has_a_scale_for_each_of_its_channels() -> None:
    kernel = np.ones((3, 3, 2, 1)) * [[[[1.0], [5.0]]]]
    (scale,) = layer_scales([kernel])
    np.testing.assert_allclose(np.broadcast_to(scale, kernel.shape), kernel)


def test_a_dead_channel_is_not_frozen_and_not_shaken() -> None:
    kernel = np.zeros((1, 1, 4, 2))
    kernel[..., 0] = 2
    (scale,) = layer_scales([kernel])
    assert scale[1] == pytest.approx(0.01 * np.sqrt(2))


def test_a_step_moves_a_weight_in_proportion_to_its_scale() -> None:
    variable = keras.Variable(np.ones((1, 1, 1, 2), np.float32))
    groups = Groups([1.0], [False], [0], [np.array([1.0, 10.0])])
    optimizer = FlatOptimizer([variable], OptimizerConfig(clip_norm=None), groups)
    optimizer.apply(tf.constant([1.0, 1.0]), tf.constant(0.01), tf.constant(0, tf.int64))
    np.testing.assert_allclose(variable.numpy().ravel(), [0.99, 0.9], rtol=1e-4)


def test_what_is_optimised_is_the_weight_in_its_own_unit() -> None:
    units = np.array([0.5, 10.0])
    config = OptimizerConfig(name="sgd", clip_norm=1.0)
    plain, scaled = (keras.Variable(np.zeros((1, 1, 1, 2), np.float32)) for _ in range(2))
    optimizers = (
        FlatOptimizer([plain], config, Groups([1.0], [False], [0])),
        FlatOptimizer([scaled], config, Groups([1.0], [False], [0], [units])),
    )
    for step in range(3):
        # The loss is a function of scaled = units * plain, so its slope there is that of plain over the units.
        slope = np.array([3.0, -4.0]) * (step + 1)
        norms = [
            optimizer.apply(
                tf.constant(gradient, tf.float32), tf.constant(0.1), tf.constant(step, tf.int64)
            )
            for optimizer, gradient in zip(optimizers, (slope, slope / units), strict=True)
        ]
        assert float(norms[0]) == pytest.approx(float(norms[1]))
    np.testing.assert_allclose(scaled.numpy(), plain.numpy() * units, rtol=1e-5)


def test_decay_does_not_depend_on_the_scale() -> None:
    variable = keras.Variable(np.ones((1, 1, 1, 2), np.float32))
    groups = Groups([1.0], [True], [0], [np.array([1.0, 10.0])])
    config = OptimizerConfig(clip_norm=None, weight_decay=0.5)
    optimizer = FlatOptimizer([variable], config, groups)
    optimizer.apply(tf.constant([0.0, 0.0]), tf.constant(0.1), tf.constant(0, tf.int64))
    np.testing.assert_allclose(variable.numpy().ravel(), [0.95, 0.95], rtol=1e-5)


@pytest.mark.parametrize(("mode", "on"), [("auto", False), ("on", True), ("off", False)])
def test_only_weights_that_were_trained_before_have_a_size_to_go_by(mode: str, on: bool) -> None:
    config = CONFIG.model_copy(update={"fine_tune": FineTuneConfig(relative_steps=mode)})
    variables, groups = make_groups(build(config, 3, 100), config, 10)
    assert bool(groups.scales) is on
    if on:
        for variable, scale in zip(variables, groups.scales, strict=True):
            assert np.broadcast_to(scale, variable.shape).shape == tuple(variable.shape)
        assert [float(one) for one in groups.scales[-4:]] == [1, 1, 1, 1]
    assert config.model_copy(update={"weights": "imagenet"}).relative_steps is (mode != "off")
