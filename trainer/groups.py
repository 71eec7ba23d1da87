"""Which variables phase two trains, how fast each, and from which step on.

variables, groups = make_groups(network, config, steps_per_epoch=46)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from trainer.config import TrainConfig
from trainer.model import Network
from trainer.optimizer import Groups, is_kernel

_USUAL_RMS = 0.1
_SMALLEST_RMS = 1e-3
_SMALLEST_SHARE = 0.01
_BLOCK = re.compile(r"expanded_conv_(\d+)_")


def make_groups(
    network: Network, config: TrainConfig, steps_per_epoch: int
) -> tuple[list[keras.Variable], Groups]:
    """The trainable variables, backbone first, and what differs between them."""
    depths = _depths(network.trunk)
    deepest = max(depths.values())
    tuning = config.fine_tune
    span = tuning.unfreeze_epochs * steps_per_epoch
    variables, multipliers, starts = [], [], []
    for layer in network.trunk.layers:
        for variable in layer.trainable_variables:
            distance = deepest - depths[layer.name]
            variables.append(variable)
            multipliers.append(tuning.backbone_lr_multiplier * config.layer_decay**distance)
            starts.append(round(span * (distance + 1) / (deepest + 1)))
    for variable in network.head_variables:
        variables.append(variable)
        multipliers.append(1.0)
        starts.append(0)
    decayed = [is_kernel(one) for one in variables]
    return variables, Groups(multipliers, decayed, starts, _scales(network, config))


def _scales(network: Network, config: TrainConfig) -> list[NDArray[Any]]:
    """The size of a step of each variable in its own units, 1 for the head; empty where all are alike."""
    if not config.relative_steps:
        return []
    scales: list[NDArray[Any]] = []
    for layer in network.trunk.layers:
        scales += layer_scales([one.numpy() for one in layer.trainable_variables])
    return [one / _USUAL_RMS for one in scales] + [np.ones(())] * len(network.head_variables)


def layer_scales(weights: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Root mean square of each output channel of a layer's kernel, and in proportion to it of its bias.

    Args:
      weights: of one layer: a kernel [H, W, I, O] or [H, W, C, 1] (depthwise) and perhaps a bias, or a norm's vectors.

    Returns:
      One array a weight, to be broadcast to its shape.
    """
    kernel = weights[0] if weights else np.ones(1)
    whole = max(_rms(kernel), _SMALLEST_RMS)
    if kernel.ndim < 4:
        return [np.asarray(max(_rms(one), _SMALLEST_RMS)) for one in weights]
    depthwise = kernel.shape[-1] == 1
    channels = _rms(kernel, (0, 1, 3) if depthwise else (0, 1, 2))
    channels = np.maximum(channels, _SMALLEST_SHARE * whole)
    biases = [channels * max(_rms(bias), _SMALLEST_RMS) / whole for bias in weights[1:]]
    return [channels[:, None] if depthwise else channels, *biases]


def _rms(values: NDArray[Any], axis: tuple[int, ...] | None = None) -> Any:
    return np.sqrt(np.mean(np.square(values), axis=axis))


def _depths(backbone: keras.Model) -> dict[str, int]:
    depths: dict[str, int] = {}
    blocks: dict[str, int] = {}
    for layer in backbone.layers:
        if layer.trainable_variables:
            depths[layer.name] = blocks.setdefault(_block(layer.name), len(blocks))
    return depths


def _block(name: str) -> str:
    match = _BLOCK.match(name)
    if match:
        return match.group(1)
    if name.startswith("expanded_conv_"):
        return "0"
    return "stem" if name in ("conv", "conv_bn") else "last"
