"""The model: a MobileNetV3 backbone with its own preprocessing, and the head of the seed notes.

    network = build(config, class_count=6, steps=376)
    network.model           # float32 [B, S, S, 3] in 0..255 -> probabilities [B, C]
    network.logits(images, training=True)

The head is GlobalAveragePooling2D -> Dense -> BatchNormalization -> Softmax.
"""

from __future__ import annotations

import dataclasses

import keras
import tensorflow as tf

from trainer.config import TrainConfig
from trainer.folding import can_fold, fold, unfold
from trainer.warm_start import Start
from trainer.weights import load_backbone

_KERAS_MOMENTUM = 0.999
_WINDOWS_PER_RUN = 20


@dataclasses.dataclass(frozen=True)
class Network:
    """A model and the parts of it that training drives one by one.

    Attributes:
      model: images to probabilities; what is exported, once `settle` was called.
      backbone: images to a feature map; the part of `model` below the head.
      trunk: what is trained and evaluated in the backbone's place: itself, or its folded form.
      pool, dense, norm: the head up to the logits.
      norm_trains: whether `norm` ever normalises by the batch.
    """

    model: keras.Model
    backbone: keras.Model
    trunk: keras.Model
    pool: keras.layers.Layer
    dense: keras.layers.Layer
    norm: keras.layers.Layer
    norm_trains: bool = True

    def features(self, images: tf.Tensor, *, training: bool = False) -> tf.Tensor:
        """Pooled features, float32 [B, D], of images [B, S, S, 3] in 0..255."""
        return self.pool(self.trunk(images, training=training))

    def head(self, features: tf.Tensor, *, training: bool) -> tf.Tensor:
        """Logits, float32 [B, C], of pooled features."""
        logits = self.norm(self.dense(features), training=training and self.norm_trains)
        return tf.cast(logits, tf.float32)

    @property
    def head_variables(self) -> list[keras.Variable]:
        """What phase one trains."""
        return [*self.dense.trainable_variables, *self.norm.trainable_variables]

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that training changes, in a fixed order."""
        return [*self.trunk.variables, *self.dense.variables, *self.norm.variables]

    def settle(self) -> None:
        """Brings what the trunk learnt into `model`."""
        if self.trunk is not self.backbone:
            unfold(self.trunk, self.backbone)


def build(config: TrainConfig, class_count: int, steps: int, start: Start | None = None) -> Network:
    """Builds a model with its starting weights.

    Args:
      config: which backbone, from which weights, for which image size.
      class_count: number of classes, at least 2.
      steps: training steps to come, which decide how fast moving statistics must move.
      start: weights to begin at instead of those that the settings name.

    Raises:
      UserError: the weights cannot be fetched, read, or do not fit the backbone.
    """
    backbone = load_backbone(config, start.backbone if start else None)
    momentum = batch_norm_momentum(steps)
    if config.updates_batch_norm:
        _set_momentum(backbone, momentum)
    side = config.image_size
    inputs = keras.Input([side, side, 3], name="images")
    pool = keras.layers.GlobalAveragePooling2D(name="pool")
    dense = keras.layers.Dense(class_count, name="dense")
    norm = keras.layers.BatchNormalization(momentum=momentum, name="head_norm")
    softmax = keras.layers.Softmax(name="probabilities", dtype="float32")
    outputs = softmax(norm(dense(pool(backbone(inputs)))))
    model = keras.Model(inputs, outputs, name="imagemill")
    if start:
        dense.set_weights(start.dense)
        norm.set_weights(start.norm)
    folds = config.fine_tune.fold_batch_norm and not config.updates_batch_norm
    trunk = fold(backbone) if folds and can_fold(backbone) else backbone
    return Network(model, backbone, trunk, pool, dense, norm, config.updates_head_norm)


def batch_norm_momentum(steps: int) -> float:
    """The momentum of moving statistics that a run of this many steps can fill.

    Keras's 0.999 averages over 1,000 steps, so that a short run from scratch is evaluated on statistics that never
    arrived. Here the average spans a twentieth of the run, at least 10 steps, and never more than Keras's.
    """
    return 1.0 - 1.0 / min(max(steps / _WINDOWS_PER_RUN, 10.0), 1.0 / (1.0 - _KERAS_MOMENTUM))


def _set_momentum(backbone: keras.Model, momentum: float) -> None:
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
