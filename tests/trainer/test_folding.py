from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.config import TrainConfig
from trainer.folding import HardSwish, Scale, can_fold, fold, unfold
from trainer.weights import load_backbone


@pytest.fixture(scope="module")
def backbone() -> keras.Model:
    """With statistics and gammas as after some training."""
    model = load_backbone(TrainConfig(weights="none", alpha=0.75, image_size=64))
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            layer.gamma.assign(random.uniform(0.5, 2, shape) * random.choice([-1, 1], shape))
            layer.beta.assign(random.normal(size=shape))
            layer.moving_mean.assign(random.normal(size=shape))
            layer.moving_variance.assign(random.uniform(0.2, 3, shape))
    return model


IMAGES = np.random.default_rng(1).integers(0, 255, (2, 64, 64, 3)).astype(np.float32)


def test_computes_the_same_without_any_batch_norm(backbone: keras.Model) -> None:
    trunk = fold(backbone)
    kinds = {type(one) for one in trunk.layers}
    assert keras.layers.BatchNormalization not in kinds
    expected = backbone(IMAGES, training=False).numpy()
    np.testing.assert_allclose(
        trunk(IMAGES).numpy(), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max()
    )


def test_what_the_trunk_learns_comes_back(backbone: keras.Model) -> None:
    trunk = fold(backbone)
    random = np.random.default_rng(2)
    for variable in trunk.trainable_variables:
        variable.assign(variable.numpy() + random.normal(0, 0.01, variable.shape))
    learnt = trunk(IMAGES).numpy()
    assert np.abs(learnt - backbone(IMAGES, training=False).numpy()).max() > 1e-3
    unfold(trunk, backbone)
    got = backbone(IMAGES, training=False).numpy()
    np.testing.assert_allclose(got, learnt, rtol=1e-3, atol=1e-4 * np.abs(learnt).max())


def test_its_layers_are_the_fast_ones(backbone: keras.Model) -> None:
    kinds = [type(one) for one in fold(backbone).layers]
    assert kinds.count(HardSwish) == 18
    assert kinds.count(Scale) == 9
    for slow in (keras.layers.Activation, keras.layers.Multiply, keras.layers.ZeroPadding2D):
        assert slow not in kinds


@pytest.mark.parametrize("side", [64, 96])
def test_trains_with_the_gradients_of_keras_own_layers(side: int) -> None:
    """Down to the first kernel, whose gradient all the others are part of."""
    model = load_backbone(TrainConfig(weights="none", alpha=0.75, image_size=side))
    trunk = fold(model)
    images = np.random.default_rng(3).integers(0, 255, (2, side, side, 3)).astype(np.float32)
    # Statistics are 0 and 1 in a new model, so that folding divides by sqrt(1 + epsilon) alone.
    for name in ("conv", "expanded_conv_5_depthwise", "expanded_conv_7_squeeze_excite_conv"):
        gradients = []
        for one, training in ((model, False), (trunk, True)):
            with tf.GradientTape() as tape:
                total = tf.reduce_sum(tf.sin(100.0 * one(images, training=training)))
            gradients.append(tape.gradient(total, one.get_layer(name).weights[0]).numpy())
        scale = np.abs(gradients[0]).max()
        assert scale > 0
        # 0.0005 for nearly all draws of weights; in one of hundreds, rounding puts an activation across a kink.
        np.testing.assert_allclose(gradients[1] / scale, gradients[0] / scale, atol=0.01)


def test_a_dead_channel_cannot_be_folded(backbone: keras.Model) -> None:
    assert can_fold(backbone)
    gamma = backbone.get_layer("conv_bn").gamma
    before = gamma.numpy()
    gamma.assign(np.where(np.arange(gamma.shape[0]) == 3, 0.0, before))
    assert not can_fold(backbone)
    gamma.assign(before)


def test_hard_swish_has_the_value_and_gradient_of_keras() -> None:
    points = tf.constant(np.linspace(-5, 5, 101)[1:-1] + 0.013, tf.float32)
    outcomes = []
    layer = HardSwish()
    ways = (layer, lambda x: layer(x, training=True), keras.activations.hard_swish)
    for function in ways:
        with tf.GradientTape() as tape:
            tape.watch(points)
            value = function(points)
        outcomes.append((value, tape.gradient(value, points)))
    for ours in outcomes[:2]:
        np.testing.assert_allclose(ours, outcomes[2], atol=1e-6)
