"""Pooled features of encoded images, for judging labels without the model that learnt them.

    extract = starting_features(config) or trained_features(saved_model)
    extract([photo_bytes])              # float32 [N, D]

The backbone's starting weights have seen no label of this data, so nothing that was learnt by heart is in them; the
trained model's feature map is the second choice, where training began from nothing or the weights are not at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.report.heatmap import NoFeatureMapError, frozen
from trainer.config import TrainConfig
from trainer.errors import UserError

Features = npt.NDArray[np.float32]
Extract = Callable[[Sequence[bytes]], Features]


def starting_features(config: TrainConfig) -> Extract | None:
    """Features of the backbone as training began; None where it began from nothing or its weights cannot be had."""
    if not config.pretrained:
        return None
    import tensorflow as tf

    from trainer.image import Geometry, load_batch
    from trainer.weights import load_backbone

    try:
        backbone = load_backbone(config)
    except UserError:
        return None
    geometry = Geometry.of(config)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])  # type: ignore[untyped-decorator]
    def run(images: Any) -> Any:
        pixels = tf.cast(load_batch(images, geometry), tf.float32)
        return tf.reduce_mean(tf.cast(backbone(pixels, training=False), tf.float32), [1, 2])

    return lambda images: np.asarray(run(tf.constant(list(images))).numpy(), np.float32)


def trained_features(saved_model: str) -> Extract | None:
    """Features of the exported model; None where it has no feature map."""
    import tensorflow as tf

    try:
        graph = frozen(saved_model)
    except NoFeatureMapError:
        return None
    with graph.wrapped.graph.as_default():
        pooled = tf.reduce_mean(graph.features, [1, 2])
    run = graph.wrapped.prune(graph.feed, pooled)
    return lambda images: np.asarray(run(tf.constant(list(images))).numpy(), np.float32)
