"""A model from the registry as a function from any image file's bytes to probabilities.

    engine = Engine.load("registry/scenes")
    probabilities = engine.predict([engine.prepare(photo_bytes)])     # float32 [1, C]

Bytes go through the ingest's own decoder before they reach the model, so an answer here is the answer that the
evaluation got for the same photo, down to resizing and re-encoding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from components.model_pusher.registry import resolve_model, resolve_version
from components.model_pusher.storage import normal
from components.model_pusher.version import Version
from trainer.settings import Settings

if TYPE_CHECKING:
    from trainer.model_info import ModelInfo
    from trainer.serving import Classifier

Probabilities = npt.NDArray[np.float32]


class Preparation(Settings):
    """How the ingest prepared the images that the model was trained and evaluated on."""

    stored_size: int = Field(
        ge=1, description="Shorter side in pixels that larger images come down to."
    )
    jpeg_quality: int = Field(
        90, ge=1, le=100, description="Quality of re-encoded images, 1 to 100."
    )
    background: tuple[int, int, int] = Field(
        (255, 255, 255), description="RGB from 0 to 255 under transparent pixels."
    )
    max_pixels: int = Field(100_000_000, ge=1, description="Images with more pixels are refused.")


class UnreadableError(Exception):
    """The model failed on an image that our decoder took."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """One class and its probability, 0 to 1."""

    class_name: str
    probability: float


class Engine:
    """A loaded model.

    Attributes:
      path: the SavedModel's folder.
      version: its number in the registry; 0 for a SavedModel from elsewhere.
      preparation: how images are prepared for it.
      info: class names and sizes.
    """

    def __init__(
        self,
        classifier: Classifier,
        path: str,
        preparation: Preparation,
        *,
        name: str = "",
        version: int = 0,
    ) -> None:
        self._classifier = classifier
        self._name = name
        self.path = path
        self.version = version
        self.preparation = preparation
        self.info: ModelInfo = classifier.info

    @classmethod
    def load(cls, model: str, *, max_pixels: int | None = None) -> Engine:
        """Loads a SavedModel, or the version in service of a registry.

        Args:
          model: as for `resolve_model`.
          max_pixels: a lower limit than the ingest's.

        Raises: UserError where there is no model of ours.
        """
        version = None if _is_saved_model(model) else resolve_version(model)
        if version is None:
            return cls.load_path(resolve_model(model), None, max_pixels=max_pixels)
        return cls.load_path(version.local_path(), version, max_pixels=max_pixels)

    @classmethod
    def load_path(
        cls, path: str, version: Version | None, *, max_pixels: int | None = None
    ) -> Engine:
        """Loads a local SavedModel folder; `version` where it is from a registry."""
        from trainer.serving import Classifier

        classifier = Classifier.load(path)
        preparation = read_preparation(path, version, classifier.info.stored_size)
        if max_pixels is not None:
            limit = min(max_pixels, preparation.max_pixels)
            preparation = preparation.model_copy(update={"max_pixels": limit})
        if version is None:
            return cls(classifier, path, preparation)
        name = version.path.split("/")[-2]
        return cls(classifier, path, preparation, name=name, version=version.number)

    @property
    def name(self) -> str:
        """The model's name, as in the registry."""
        return self._name or self.info.name or "model"

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in the order of probabilities."""
        return self.info.class_names

    def prepare(self, data: bytes) -> bytes:
        """What the model is sent for an image file's bytes.

        Raises: components.image_example_gen.decoder.DecodeError with the reason why it cannot be used.
        """
        return prepare(data, self.preparation)

    def predict(self, prepared: Sequence[bytes]) -> Probabilities:
        """Probabilities, float32 [N, C], of N prepared images."""
        return np.asarray(self._classifier.predict(prepared), dtype=np.float32)

    def predict_each(self, prepared: Sequence[bytes]) -> list[Probabilities | Exception]:
        """As `predict`, but an image that the model cannot read spoils only its own answer.

        Returns: float32 [C] per image, or an `UnreadableError`.
        """
        try:
            return list(self.predict(prepared))
        except Exception as error:
            if len(prepared) == 1:
                return [UnreadableError(str(error).partition("\n")[0])]
        return [self.predict_each([one])[0] for one in prepared]

    def top(self, probabilities: Probabilities, count: int) -> list[Answer]:
        """The likeliest classes of one image, likeliest first; ties by the order of classes."""
        order = np.argsort(-probabilities, kind="stable")[:count]
        return [Answer(self.class_names[i], float(probabilities[i])) for i in order]


def prepare(data: bytes, preparation: Preparation) -> bytes:
    """Encoded bytes as the ingest would store them. Raises: DecodeError."""
    from components.image_example_gen import decoder

    limits = decoder.Limits(max_pixels=preparation.max_pixels, background=preparation.background)
    return decoder.prepare(
        data,
        stored_size=preparation.stored_size,
        jpeg_quality=preparation.jpeg_quality,
        limits=limits,
    ).encoded


def read_preparation(path: str, version: Version | None, stored_size: int) -> Preparation:
    """The ingest's settings from the version's record, or its defaults where there is none."""
    import json
    import posixpath
    from pathlib import Path

    from components.model_pusher.version import RECORD

    config: dict[str, Any] = {}
    kept = Path(posixpath.join(path, RECORD, "config.json"))
    if version is not None:
        config = version.read_json("config.json")
    elif kept.is_file():
        config = json.loads(kept.read_text())
    data = config.get("data", {})
    known = {name: data[name] for name in Preparation.model_fields if data.get(name) is not None}
    return Preparation(**{**known, "stored_size": stored_size})


def _is_saved_model(path: str) -> bool:
    from components.model_pusher.storage import storage_for
    from components.model_pusher.version import MODEL_FILE

    path = normal(path)
    return storage_for(path).exists(f"{path}/{MODEL_FILE}")
