"""A few numbers of what an image shows: components of the backbone's pooled features, for TFDV's comparators.

    embedder = load_embedder(EmbeddingSource(components=8, side=96, model="MobileNetV3Small", weights="w.h5"))
    embedder.names              # ("embedding/3fa9c1d2e0/0", ...)
    embedder([photo_bytes])     # float32 [1, 8]

The features of length 1 are projected on random directions that depend on a constant seed alone (Johnson and
Lindenstrauss, 1984): distances survive, nothing is fitted, so numbers of different months compare. A PCA would have
to be kept with the registry, and would be blind to what the first month did not show. What the numbers depend on is in
their name, as a digest of weights, side and directions: other weights give other names, which are never compared.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import os
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from components.data_gate.config import EmbeddingConfig
from trainer.config import TrainConfig
from trainer.features import EMBEDDING_PREFIX
from trainer.settings import Settings

Floats = npt.NDArray[np.float32]

_SEED = 20_240_229
_BATCH = 32
_STEPS = 1024
_DIGITS = 10


class EmbeddingSource(Settings):
    """All that the numbers come from."""

    components: int = Field(description="How many numbers an image has.")
    side: int = Field(description="Side in pixels that images are scaled to.")
    model: Literal["MobileNetV3Small", "MobileNetV3Large"] = Field(
        description="The backbone, from keras.applications."
    )
    alpha: float = Field(description="Its width.")
    weights: str = Field(description="`imagenet` or the path of a weights file.")

    @classmethod
    def of(cls, config: EmbeddingConfig, train: TrainConfig) -> EmbeddingSource | None:
        """What the settings ask for; None where that is nothing, as without pretrained weights."""
        if not config.components or not train.pretrained:
            return None
        return cls(
            components=config.components,
            side=config.side,
            model=train.model,
            alpha=train.alpha,
            weights=train.weights,
        )


@dataclasses.dataclass(frozen=True)
class Embedder:
    """Makes the numbers.

    Attributes:
      names: of the features, one a component.
      pooled: uint8 [32, side, side, 3] to the backbone's pooled features, float32 [32, D].
      directions: float32 [D, components].
      side: in pixels.
    """

    names: tuple[str, ...]
    pooled: Callable[[npt.NDArray[np.uint8]], Floats]
    directions: Floats
    side: int

    def __call__(self, images: Sequence[bytes]) -> Floats:
        """float32 [N, components], rounded to 1/1024, which hides how a machine orders its sums.

        Args:
          images: encoded, as stored: JPEG or PNG.
        """
        rows = [
            self._batch(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH)
        ]
        return np.concatenate(rows) if rows else np.zeros((0, len(self.names)), np.float32)

    def _batch(self, images: Sequence[bytes]) -> Floats:
        # Always full, so that the same kernels run whatever batches Beam makes.
        pixels = np.zeros((_BATCH, self.side, self.side, 3), np.uint8)
        for at, image in enumerate(images):
            pixels[at] = _pixels(image, self.side)
        features = self.pooled(pixels)[: len(images)]
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        projected = (features / np.maximum(lengths, 1e-12)) @ self.directions
        rounded: Floats = (np.round(projected * _STEPS) / _STEPS).astype(np.float32)
        return rounded


def weights_at_hand(source: EmbeddingSource) -> bool:
    """False for weights that would have to be downloaded first, or that only the trainer's pod can see."""
    from tfx.dsl.io import fileio

    if source.weights != "imagenet":
        return bool(fileio.exists(source.weights))
    from trainer.weights import imagenet_file

    keras_home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    name = imagenet_file(source.model, source.alpha)
    return os.path.exists(os.path.join(keras_home, "models", name))


@functools.lru_cache(maxsize=1)
def load_embedder(source: EmbeddingSource) -> Embedder:
    """Loads the backbone, once a process.

    Raises:
      UserError: the weights are not there or do not fit the backbone.
    """
    from trainer.weights import load_backbone

    config = TrainConfig(
        model=source.model,
        alpha=source.alpha,
        weights=source.weights,
        image_size=source.side,
    )
    backbone = load_backbone(config)
    return make_embedder(backbone, source.components, source.side)


def make_embedder(backbone: Any, components: int, side: int) -> Embedder:
    """Projects the pooled features of a backbone that takes 0 to 255."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([_BATCH, side, side, 3], tf.uint8)])  # type: ignore[untyped-decorator]
    def run(pixels: Any) -> Any:
        return tf.reduce_mean(backbone(tf.cast(pixels, tf.float32), training=False), [1, 2])

    directions = _directions(backbone.output_shape[-1], components)
    digest = _digest([directions, *backbone.get_weights()], side)
    names = tuple(f"{EMBEDDING_PREFIX}{digest}/{number}" for number in range(components))
    return Embedder(names, lambda pixels: np.asarray(run(pixels)), directions, side)


def _directions(size: int, components: int) -> Floats:
    # NumPy promises for RandomState alone that a seed gives the same numbers in every version (NEP 19).
    drawn = np.random.RandomState(_SEED).standard_normal((components, size))
    return np.ascontiguousarray(drawn.T, dtype=np.float32)


def _digest(arrays: Sequence[npt.NDArray[Any]], side: int) -> str:
    digest = hashlib.sha256(f"{side}".encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array, dtype=np.float32).tobytes())
    return digest.hexdigest()[:_DIGITS]


def _pixels(encoded: bytes, side: int) -> npt.NDArray[np.uint8]:
    """The whole image, squeezed into a square."""
    with Image.open(io.BytesIO(encoded)) as image:
        image.draft("RGB", (side, side))
        return np.asarray(
            image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR), np.uint8
        )
