"""Everything countable about scored images, as sums that Beam can combine in any order.

    tally = rows | beam.CombineGlobally(TallyFn(classes=6, bins=15))
    tally.paired(0, 1)

Sizes depend on the number of classes and bins, never on the number of images.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from components.model_evaluator.scoring import BASELINE, CANDIDATE, Row

SCORE_BINS = 1000
Counts = npt.NDArray[np.int64]
Sums = npt.NDArray[np.float64]


@dataclasses.dataclass
class ModelTally:
    """Sums for one model over C classes.

    Attributes:
      confusion: int64 [C, C] images by true class, then answer.
      bin_counts, bin_confidence, bin_right: float64 [bins] by confidence of the answer.
      scores_own, scores_other: float64 [C, SCORE_BINS] probabilities given to a class, for its own images and others'.
    """

    confusion: Counts
    bin_counts: Sums
    bin_confidence: Sums
    bin_right: Sums
    scores_own: Sums
    scores_other: Sums

    @classmethod
    def empty(cls, classes: int, bins: int) -> ModelTally:
        """No images."""
        zeros = np.zeros
        return cls(
            zeros((classes, classes), np.int64),
            zeros(bins),
            zeros(bins),
            zeros(bins),
            zeros((classes, SCORE_BINS)),
            zeros((classes, SCORE_BINS)),
        )

    def add(self, label: int, probabilities: npt.NDArray[np.float32]) -> None:
        """Counts one image."""
        answer = int(np.argmax(probabilities))
        confidence = float(probabilities[answer])
        bins = len(self.bin_counts)
        # The first bin is [0, 1/bins], the others (low, high]: a confidence on an edge counts below it.
        index = min(max(int(np.ceil(confidence * bins)) - 1, 0), bins - 1)
        self.confusion[label, answer] += 1
        self.bin_counts[index] += 1
        self.bin_confidence[index] += confidence
        self.bin_right[index] += answer == label
        scores = np.clip((probabilities * SCORE_BINS).astype(np.int64), 0, SCORE_BINS - 1)
        classes = np.arange(len(probabilities))
        self.scores_other[classes, scores] += 1
        self.scores_other[label, scores[label]] -= 1
        self.scores_own[label, scores[label]] += 1

    def merge(self, other: ModelTally) -> None:
        """Adds another tally to this one."""
        for field in dataclasses.fields(self):
            mine = getattr(self, field.name)
            mine += getattr(other, field.name)


@dataclasses.dataclass
class Tally:
    """Sums for all models.

    Attributes:
      models: by name.
      only_candidate, only_baseline: int64 [C] images by true class that only this one of the two got right.
    """

    models: dict[str, ModelTally]
    only_candidate: Counts
    only_baseline: Counts


@beam.typehints.with_input_types(Row)
@beam.typehints.with_output_types(Tally)
class TallyFn(beam.CombineFn):  # type: ignore[misc]
    """Combines rows into one `Tally`.

    Args:
      classes: number of classes.
      bins: bins of the calibration.
      models: names of the models in every row.
    """

    def __init__(self, classes: int, bins: int, models: Iterable[str]) -> None:
        self._classes = classes
        self._bins = bins
        self._models = tuple(models)

    def create_accumulator(self) -> Tally:
        """No images."""
        models = {name: ModelTally.empty(self._classes, self._bins) for name in self._models}
        return Tally(models, self._zeros(), self._zeros())

    def add_input(self, mutable_accumulator: Tally, element: Row) -> Tally:
        """Counts one image."""
        tally = mutable_accumulator
        for name, probabilities in element.probabilities.items():
            tally.models[name].add(element.label, probabilities)
        if BASELINE in element.probabilities:
            new, old = (
                int(np.argmax(element.probabilities[name])) == element.label
                for name in (CANDIDATE, BASELINE)
            )
            tally.only_candidate[element.label] += new and not old
            tally.only_baseline[element.label] += old and not new
        return tally

    def merge_accumulators(self, accumulators: Iterable[Tally]) -> Tally:
        """Adds up."""
        total = self.create_accumulator()
        for tally in accumulators:
            for name, model in tally.models.items():
                total.models[name].merge(model)
            total.only_candidate += tally.only_candidate
            total.only_baseline += tally.only_baseline
        return total

    def extract_output(self, accumulator: Tally) -> Tally:
        """The tally itself."""
        return accumulator

    def _zeros(self) -> Counts:
        return np.zeros(self._classes, np.int64)
