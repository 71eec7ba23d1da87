"""MobileNetV3 as far as its first block, for tests of what stands around the network.

trainer.model.load_backbone = load_short

Every kind of layer is in it (convolution, depthwise convolution, BatchNorm, hard-swish, squeeze-and-excitation), and
building and tracing it takes a tenth of the time.
"""

from __future__ import annotations

from typing import Any

import keras

from trainer.config import TrainConfig
from trainer.weights import load_backbone

_LAST = "expanded_conv_project_bn"


def load_short(config: TrainConfig, start: Any = None) -> keras.Model:
    """Stands in for `trainer.model.load_backbone`."""
    assert start is None
    whole = load_backbone(config)
    return keras.Model(whole.inputs, whole.get_layer(_LAST).output)
