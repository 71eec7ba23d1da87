"""Writes what training gives: a SavedModel that takes encoded images, and the facts beside it.

    export_saved_model(model, Geometry.of(config), info, directory)

Signatures: `serving_default` takes `image_bytes` (string [B], any mix of sizes and of JPEG, PNG, GIF and BMP),
`serve_examples` takes `examples` (serialized tf.Examples). Both give `probabilities` (float32 [B, C]), `class_index`
(int64 [B]), `class_name` (string [B]) and `probability` (float32 [B]). Labels and preprocessing are inside.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence

import keras
import tensorflow as tf

from trainer.config import TrainConfig
from trainer.features import IMAGE
from trainer.image import Geometry, load_batch
from trainer.input import Source
from trainer.model_info import ModelInfo, write_model_info

Answers = dict[str, tf.Tensor]


class ServedModel:
    """A Keras model with decoding before it and class names behind it.

    Each function calls the one before it, so that all of them together hold the network once.
    """

    def __init__(self, model: keras.Model, geometry: Geometry, class_names: Sequence[str]) -> None:
        self._model = model
        self._geometry = geometry
        self._names = list(class_names)

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")]
    )
    def preprocess(self, image_bytes: tf.Tensor) -> tf.Tensor:
        """The pixels that the model sees, uint8 [B, S, S, 3], of encoded images, string [B]."""
        with tf.device("/cpu:0"):
            return load_batch(image_bytes, self._geometry)

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")]
    )
    def serve_bytes(self, image_bytes: tf.Tensor) -> Answers:
        """Answers for encoded images, string [B]."""
        pixels = tf.cast(self.preprocess(image_bytes), tf.float32)
        probabilities = self._model(pixels, training=False)
        best = tf.argmax(probabilities, -1)
        return {
            "probabilities": probabilities,
            "class_index": best,
            "class_name": tf.gather(tf.constant(self._names), best),
            "probability": tf.reduce_max(probabilities, -1),
        }

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec([None], tf.string, name="examples")]
    )
    def serve_examples(self, examples: tf.Tensor) -> Answers:
        """Answers for serialized tf.Examples, string [B]."""
        spec = {IMAGE: tf.io.FixedLenFeature([], tf.string)}
        answers: Answers = self.serve_bytes(tf.io.parse_example(examples, spec)[IMAGE])
        return answers


def export_saved_model(
    model: keras.Model, geometry: Geometry, info: ModelInfo, directory: str
) -> None:
    """Writes a SavedModel with both signatures, and its `ModelInfo`."""
    served = ServedModel(model, geometry, info.class_names)
    signatures = {
        "serving_default": served.serve_bytes.get_concrete_function(),
        "serve_examples": served.serve_examples.get_concrete_function(),
    }
    # The weights and what was traced, not the Keras model: its hundreds of objects and functions of their own would
    # double the time in which the file is written and opened.
    saved = tf.Module()
    saved.weights = [one.value for one in model.variables]
    saved.preprocess = served.preprocess.get_concrete_function()
    tf.saved_model.save(saved, directory, signatures=signatures)
    write_model_info(directory, info)


def describe(config: TrainConfig, source: Source, name: str, code_version: str) -> ModelInfo:
    """The facts about a model that is about to be exported."""
    return ModelInfo(
        class_names=source.info.class_names,
        image_size=config.image_size,
        resize_size=config.resized,
        stored_size=source.info.stored_size,
        model=config.model,
        alpha=config.alpha,
        name=name,
        data_version=source.info.data_version,
        code_version=code_version,
        seed=config.seed,
        versions={
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
    )
