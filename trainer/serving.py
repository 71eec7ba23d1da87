"""A trained model as a function of encoded images.

classifier = Classifier.load("registry/scenes/3")
classifier.predict([photo_bytes])        # float32 [1, C]
classifier.info.class_names
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.model_info import ModelInfo, read_model_info

_BATCH = 64


class Classifier:
    """A SavedModel of ours and the facts beside it."""

    def __init__(self, loaded: Any, info: ModelInfo) -> None:
        self._loaded = loaded
        self._signature = loaded.signatures["serving_default"]
        self.info = info

    @classmethod
    def load(cls, path: str) -> Classifier:
        """Loads a SavedModel directory.

        Raises:
          UserError: it is not a model of ours.
        """
        info = read_model_info(path)
        return cls(tf.saved_model.load(path), info)

    def predict(self, images: Sequence[bytes]) -> NDArray[Any]:
        """Probabilities, float32 [N, C], of encoded images of any sizes and formats."""
        answers = [
            self._signature(image_bytes=tf.constant(images[start : start + _BATCH]))[
                "probabilities"
            ]
            for start in range(0, len(images), _BATCH)
        ]
        if not answers:
            return np.zeros([0, len(self.info.class_names)], np.float32)
        return np.concatenate([one.numpy() for one in answers])
