"""Gives BatchNorm the statistics of the weights that are evaluated, not of those that came before.

    Recalibrator(network, config)(batches)

Moving statistics lag behind the weights, and behind averaged weights they belong to other ones altogether. Plain
averages over a few batches under the very weights that are scored do not ("precise BN", arXiv 2105.07576). Only layers
that train in training mode are touched.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from trainer.config import TrainConfig
from trainer.model import Network


class Recalibrator:
    """Recomputes the moving statistics of a network."""

    def __init__(self, network: Network, config: TrainConfig) -> None:
        self._network = network
        self._training = config.updates_batch_norm
        layers = list(network.backbone.layers) if self._training else []
        candidates = [*layers, *([network.norm] if network.norm_trains else [])]
        self._layers = [
            one for one in candidates if isinstance(one, keras.layers.BatchNormalization)
        ]
        self._run = tf.function(self._forward, reduce_retracing=True)

    def __call__(self, batches: tf.data.Dataset) -> None:
        """Averages over batches of uint8 images (labels are not looked at), if anything is to be averaged."""
        if not self._layers:
            return
        variables = [
            variable
            for layer in self._layers
            for variable in (layer.moving_mean, layer.moving_variance)
        ]
        seen = []
        for images, _ in batches:
            self._run(images)
            seen.append([variable.numpy() for variable in variables])
        for variable, values in zip(variables, zip(*seen, strict=True), strict=True):
            variable.assign(np.mean(values, axis=0))

    def _forward(self, images: tf.Tensor) -> None:
        """Leaves the statistics of this one batch in the moving ones."""
        momenta = [layer.momentum for layer in self._layers]
        for layer in self._layers:
            layer.momentum = 0.0
        try:
            pixels = tf.cast(images, self._network.model.compute_dtype)
            self._network.head(
                self._network.features(pixels, training=self._training), training=True
            )
        finally:
            for layer, momentum in zip(self._layers, momenta, strict=True):
                layer.momentum = momentum
