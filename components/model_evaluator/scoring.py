"""Runs exported models over examples, with a memory that does not grow with the data.

    rows = records | beam.ParDo(Score([ModelRef("candidate", path)], class_names, slice_by))

The models are called through their signature `serve_examples` on batches of serialized examples. What leaves is a
`Row` of a few bytes per class: images never reach TFMA, whose own extractors carry every feature of every example along
(tfx #3307, #2785).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
from apache_beam.utils.shared import Shared

from trainer.features import CLASS_NAME, COLUMN_PREFIX, PATH, STAT_PREFIX

SIGNATURE = "serve_examples"
CANDIDATE = "candidate"
BASELINE = "baseline"
_DARK, _BRIGHT = 85.0, 170.0
_SMALL, _LARGE = 0.1, 2.0
Probabilities = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class ModelRef:
    """A SavedModel to score with.

    Attributes:
      name: CANDIDATE or BASELINE.
      path: its folder.
      class_names: order of its probabilities.
    """

    name: str
    path: str
    class_names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Row:
    """One scored image.

    Attributes:
      path: where it came from.
      label: index of its class in the evaluation's class names.
      probabilities: float32 [C] by model name, in the order of the evaluation's class names.
      slices: value by slice feature.
    """

    path: str
    label: int
    probabilities: dict[str, Probabilities]
    slices: dict[str, str]


class SignatureModel:
    """A SavedModel's signature as a function of a list of bytes."""

    def __init__(self, path: str, signature: str = SIGNATURE) -> None:
        import tensorflow as tf

        self._constant = tf.constant
        self._model = tf.saved_model.load(path)  # the signature does not keep its variables alive
        self._take(signature)

    def under(self, signature: str) -> SignatureModel:
        """The same loaded model under another of its signatures."""
        other = copy.copy(self)
        other._take(signature)
        return other

    def _take(self, signature: str) -> None:
        self._function = self._model.signatures[signature]
        [self._input] = self._function.structured_input_signature[1]

    def pixels(self, images: Sequence[bytes]) -> npt.NDArray[np.uint8]:
        """What the network sees of encoded images, uint8 [N, S, S, 3]."""
        seen = self._model.preprocess(self._constant(list(images)))
        return np.asarray(seen.numpy(), dtype=np.uint8)

    def __call__(self, data: Sequence[bytes]) -> Probabilities:
        """Probabilities, float32 [N, C], of N strings."""
        outputs = self._function(**{self._input: self._constant(list(data))})
        return np.asarray(outputs["probabilities"].numpy(), dtype=np.float32)


@beam.typehints.with_input_types(list[bytes])
@beam.typehints.with_output_types(Row)
class Score(beam.DoFn):  # type: ignore[misc]
    """Batches of serialized examples to rows.

    Args:
      models: what to score with.
      class_names: the evaluation's class names; labels and probabilities are brought into their order.
      slice_by: slice features, as in `EvaluateConfig.slice_by`.
    """

    def __init__(
        self, models: Sequence[ModelRef], class_names: Sequence[str], slice_by: Sequence[str]
    ) -> None:
        self._models = tuple(models)
        self._class_names = tuple(class_names)
        self._slice_by = tuple(slice_by)
        self._shared = {model.name: Shared() for model in self._models}
        self._scored = beam.metrics.Metrics.counter("imagemill", "images_scored")

    def setup(self) -> None:
        """Loads the models, once per process however many threads there are."""
        self._loaded = {
            model.name: self._shared[model.name].acquire(
                lambda path=model.path: SignatureModel(path), tag=model.path
            )
            for model in self._models
        }

    def process(self, batch: list[bytes]) -> Iterable[Row]:
        """Scores one batch."""
        scores = {
            model.name: reorder(
                self._loaded[model.name](batch), model.class_names, self._class_names
            )
            for model in self._models
        }
        self._scored.inc(len(batch))
        for index, serialized in enumerate(batch):
            facts = read_facts(serialized)
            yield Row(
                path=str(facts.get(PATH, "")),
                label=self._class_names.index(str(facts[CLASS_NAME])),
                probabilities={name: score[index] for name, score in scores.items()},
                slices=slice_values(facts, self._slice_by),
            )


def reorder(
    probabilities: Probabilities, have: Sequence[str], want: Sequence[str]
) -> Probabilities:
    """Columns of `have` in the order of `want`, a superset; a class the model does not know gets 0."""
    result = np.zeros((len(probabilities), len(want)), dtype=np.float32)
    result[:, [want.index(name) for name in have]] = probabilities
    return result


def read_facts(serialized: bytes) -> dict[str, str | float]:
    """Path, class, measures and columns of a serialized example; lists of one value as that value."""
    import tensorflow as tf

    features = tf.train.Example.FromString(serialized).features.feature
    wanted = (PATH, CLASS_NAME)
    return {
        name: _value(feature)
        for name, feature in features.items()
        if (name in wanted or name.startswith((STAT_PREFIX, COLUMN_PREFIX)))
        and feature.WhichOneof("kind")
    }


def slice_values(facts: dict[str, str | float], slice_by: Sequence[str]) -> dict[str, str]:
    """The slices that an image belongs to; a feature that it has no value for is left out."""
    values: dict[str, str | None] = {}
    for feature in slice_by:
        if feature == "class":
            values[feature] = str(facts[CLASS_NAME])
        elif feature == "brightness":
            grey = facts.get(f"{STAT_PREFIX}brightness")
            values[feature] = _band(grey, _DARK, _BRIGHT, ("dark", "medium", "bright"))
        elif feature == "size":
            size = facts.get(f"{STAT_PREFIX}megapixels")
            values[feature] = _band(size, _SMALL, _LARGE, ("small", "medium", "large"))
        elif feature in facts:
            values[feature] = str(facts[feature])
    return {feature: value for feature, value in values.items() if value is not None}


def _band(
    value: str | float | None, low: float, high: float, names: tuple[str, str, str]
) -> str | None:
    if value is None:
        return None
    return names[0] if float(value) < low else names[1] if float(value) < high else names[2]


def _value(feature: Any) -> str | float:
    values = getattr(feature, feature.WhichOneof("kind")).value
    first = values[0] if values else ""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else first
