"""From tallies and TFMA's slices to the figures that people and rules look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components.model_evaluator import statistics
from components.model_evaluator.analysis import SliceKey
from components.model_evaluator.result import Bin, ClassFigures, Slice
from components.model_evaluator.tally import ModelTally

Figures = dict[str, float]


def overall_figures(tally: ModelTally, tfma_figures: Mapping[str, float]) -> Figures:
    """TFMA's figures over the whole split, with those it does not have."""
    figures = {name: value for name, value in tfma_figures.items() if name != "example_count"}
    classes = class_figures(tally, [str(i) for i in range(len(tally.confusion))], None).values()
    figures["ece"] = statistics.calibration_error(
        tally.bin_counts, tally.bin_confidence, tally.bin_right
    )
    figures["macro_f1"] = _mean([c.f1 for c in classes if c.examples])
    figures["macro_auc"] = _mean([c.auc for c in classes])
    figures["majority_share"] = float(tally.confusion.sum(axis=1).max() / tally.confusion.sum())
    return figures


def class_figures(
    tally: ModelTally, class_names: Sequence[str], baseline: ModelTally | None
) -> dict[str, ClassFigures]:
    """Precision, recall, F1 and AUC by class."""
    figures = {}
    for index, name in enumerate(class_names):
        right = int(tally.confusion[index, index])
        total, answered = (int(tally.confusion.sum(axis=axis)[index]) for axis in (1, 0))
        precision = statistics.share(right, answered)
        recall = statistics.share(right, total)
        figures[name] = ClassFigures(
            examples=total,
            precision=precision,
            recall=recall,
            f1=statistics.f1_score(precision if answered else 0.0, recall),
            auc=statistics.auc_from_histograms(tally.scores_own[index], tally.scores_other[index]),
            baseline_recall=baseline and statistics.share(baseline.confusion[index, index], total),
        )
    return figures


def reliability(tally: ModelTally) -> tuple[Bin, ...]:
    """The reliability diagram's bins."""
    edges = np.linspace(0, 1, len(tally.bin_counts) + 1)
    return tuple(
        Bin(
            low=low,
            high=high,
            examples=int(count),
            confidence=confidence / count if count else 0.0,
            accuracy=right / count if count else 0.0,
        )
        for low, high, count, confidence, right in zip(
            edges[:-1].tolist(),
            edges[1:].tolist(),
            tally.bin_counts.tolist(),
            tally.bin_confidence.tolist(),
            tally.bin_right.tolist(),
            strict=True,
        )
    )


def slice_figures(
    candidate: Mapping[SliceKey, Figures], baseline: Mapping[SliceKey, Figures]
) -> tuple[Slice, ...]:
    """Figures of every slice of one feature, by feature and value."""
    return tuple(
        Slice(
            feature=key[0][0],
            value=key[0][1],
            examples=int(figures["example_count"]),
            accuracy=figures["accuracy"],
            log_loss=figures["log_loss"],
            baseline_accuracy=baseline.get(key, {}).get("accuracy"),
        )
        for key, figures in sorted(candidate.items())
        if key
    )


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else 0.0
