"""Which variables phase two trains, how fast each, and from which step on.

variables, groups = make_groups(network, config, steps_per_epoch=46)
"""

from __future__ import annotations

import re

import keras

from trainer.config import TrainConfig
from trainer.model import Network
from trainer.optimizer import Groups, is_kernel

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
    return variables, Groups(multipliers, [is_kernel(one) for one in variables], starts)


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
