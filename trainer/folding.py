"""The same backbone with its BatchNorm folded into the convolutions, which trains faster.

    trunk = fold(backbone)       # same function, standard layers, no BatchNorm
    ...                          # train trunk
    unfold(trunk, backbone)      # the backbone computes what trunk does now

BatchNorm in inference mode is a fixed scale and shift of each channel, so `conv -> norm` is one convolution with a
bias: every normalised activation is read and written once less forwards and twice less backwards. Statistics and gamma
stay as they are; what is learnt goes into kernels and beta.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_SMALLEST_SCALE = 1e-4
_HARD_SWISH = ("hard_swish", "hard_silu")  # Keras writes the second, its other name


class Folded(keras.layers.Layer):  # type: ignore[misc]
    """Stands where a BatchNorm was, and does nothing."""

    def call(self, inputs: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:  # noqa: ARG002
        """Any shape and type; BatchNorm's call takes a mask, so this one does."""
        return inputs


class HardSwish(keras.layers.Layer):  # type: ignore[misc]
    """x * relu6(x + 3) / 6 with a gradient of its own that keeps one activation instead of three."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Any shape and float type."""
        return _trained_hard_swish(inputs) if training else _hard_swish(inputs)


class Scale(keras.layers.Layer):  # type: ignore[misc]
    """Stands where squeeze-and-excitation multiplies a feature map by a factor per channel."""

    def call(self, inputs: list[tf.Tensor], training: bool = False) -> tf.Tensor:
        """Feature map [B, H, W, C] and factors [B, 1, 1, C]."""
        return _trained_scale(*inputs) if training else inputs[0] * inputs[1]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the feature map; Keras asks while it builds a model."""
        return input_shape[0]


def _hard_swish(inputs: tf.Tensor) -> tf.Tensor:
    return inputs * tf.clip_by_value(inputs * (1 / 6) + 0.5, 0.0, 1.0)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _trained_hard_swish(inputs: tf.Tensor) -> tuple[tf.Tensor, Any]:
    return _fused(_hard_swish, inputs), lambda upstream: _fused(
        _hard_swish_gradient, inputs, upstream
    )


def _hard_swish_gradient(inputs: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    # x/3 + 1/2 between -3 and 3, else the gate itself, which is 0 or 1 there.
    inside = tf.abs(inputs) < 3.0
    slope = tf.where(inside, inputs * (1 / 3) + 0.5, tf.cast(inputs > 0, inputs.dtype))
    return upstream * slope


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _trained_scale(inputs: tf.Tensor, factors: tf.Tensor) -> tuple[tf.Tensor, Any]:
    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        to_inputs, to_factors = _fused(_scale_gradient, inputs, factors, upstream)
        return to_inputs, to_factors

    return inputs * factors, gradient


def _scale_gradient(
    inputs: tf.Tensor, factors: tf.Tensor, upstream: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    return upstream * factors, tf.reduce_sum(upstream * inputs, [1, 2], keepdims=True)


def _fused(function: Callable[..., Any], *inputs: tf.Tensor) -> Any:
    """The function as one pass over memory, made by XLA; TensorFlow takes one for each operation on CPUs."""
    return _compiled(function, *(tf.TensorSpec(one.shape, one.dtype) for one in inputs))(*inputs)


@functools.cache
def _compiled(function: Callable[..., Any], *specs: tf.TensorSpec) -> Callable[..., Any]:
    compiled: Callable[..., Any] = tf.function(function, jit_compile=True)
    concrete: Callable[..., Any] = compiled.get_concrete_function(*specs)  # type: ignore[attr-defined]
    return concrete


def can_fold(backbone: keras.Model) -> bool:
    """Whether every scale is far enough from 0 to be divided out again."""
    return all(
        np.abs(_scale(backbone.get_layer(norm))).min() > _SMALLEST_SCALE
        for norm in _pairs(backbone).values()
    )


def fold(backbone: keras.Model) -> keras.Model:
    """A model of the same function (in inference mode) without BatchNorm."""
    pairs = _pairs(backbone)
    folded, names = set(pairs.values()), {one.name for one in backbone.layers}

    def replace(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if layer.name in pairs:
            config["use_bias"] = True
            if f"{layer.name}_pad" in names:
                config["padding"] = "same"
        elif layer.name in folded or layer.name.removesuffix("_pad") in pairs:
            return Folded(name=layer.name)
        elif isinstance(layer, keras.layers.Multiply):
            return Scale(name=layer.name)
        elif config.get("activation") in _HARD_SWISH:
            return HardSwish(name=layer.name)
        return type(layer).from_config(config)

    trunk = keras.models.clone_model(backbone, clone_function=replace)
    for layer in backbone.layers:
        if layer.name in pairs:
            norm = backbone.get_layer(pairs[layer.name])
            kernel = layer.get_weights()[0]
            shift = norm.beta.numpy() - norm.moving_mean.numpy() * _scale(norm)
            trunk.get_layer(layer.name).set_weights([kernel * _spread(layer, norm), shift])
        elif layer.weights and layer.name not in folded:
            trunk.get_layer(layer.name).set_weights(layer.get_weights())
    return trunk


def unfold(trunk: keras.Model, backbone: keras.Model) -> None:
    """Gives a backbone the function of a model that `fold` made from it."""
    pairs = _pairs(backbone)
    folded = set(pairs.values())
    for layer in backbone.layers:
        if layer.name in pairs:
            norm = backbone.get_layer(pairs[layer.name])
            kernel, bias = trunk.get_layer(layer.name).get_weights()
            layer.set_weights([kernel / _spread(layer, norm)])
            norm.beta.assign(bias + norm.moving_mean.numpy() * _scale(norm))
        elif layer.weights and layer.name not in folded:
            layer.set_weights(trunk.get_layer(layer.name).get_weights())


def _pairs(backbone: keras.Model) -> dict[str, str]:
    """Name of each convolution that is followed by a BatchNorm, and that one's name."""
    names = {one.name for one in backbone.layers}
    return {name: f"{name}_bn" for name in names if f"{name}_bn" in names}


def _scale(norm: keras.layers.BatchNormalization) -> NDArray[np.float32]:
    deviation = np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
    return np.asarray(norm.gamma.numpy() / deviation, np.float32)


def _spread(
    layer: keras.layers.Layer, norm: keras.layers.BatchNormalization
) -> NDArray[np.float32]:
    """The scale in the shape of the kernel: output channels come last but one in a depthwise one."""
    scale = _scale(norm)
    return scale[:, None] if isinstance(layer, keras.layers.DepthwiseConv2D) else scale
