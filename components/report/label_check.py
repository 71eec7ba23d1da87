"""Names the images whose label is probably wrong, each judged by a classifier that was not trained on it.

    check = find_suspects(model, examples_uri, dataset, train, limit=5000)

Images of val and test are judged by the model. Those of train it has learnt, wrong labels by heart as well; they are
judged out of fold, by a logistic regression on features of the backbone's starting weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from components.model_evaluator.scoring import SignatureModel
from components.report.content import LabelCheck, Suspect
from components.report.features import starting_features, trained_features
from components.report.out_of_fold import out_of_fold
from components.report.sources import records
from components.report.suspects import label_errors
from trainer.config import TrainConfig
from trainer.features import IMAGE, LABEL, PATH, DatasetInfo
from trainer.model_info import read_model_info
from trainer.progress import report

_HELD_OUT = ("test", "val")
_BATCH = 32
Values = npt.NDArray[Any]


class _Images(NamedTuple):
    """Images that were looked at, and what was computed of each: float [N, ...]."""

    paths: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    labels: Values = np.zeros(0, np.int64)
    values: Values = np.zeros((0, 0))


def find_suspects(
    model: str, examples_uri: str, dataset: DatasetInfo, train: TrainConfig, limit: int
) -> LabelCheck:
    """Looks at up to `limit` images, held-out ones first."""
    total = sum(dataset.split_size(split) for split in dataset.counts)
    if not limit or read_model_info(model).class_names != dataset.class_names:
        return LabelCheck(scored=0, total=total, suspects=())
    held_out = _compute(SignatureModel(model, "serving_default"), examples_uri, _HELD_OUT, limit)
    found = _suspects(held_out, held_out.values, dataset.class_names)
    scored = len(held_out.paths)
    report("report", done=scored, total=min(limit, total), unit="images scored")
    extract, kind = _extractor(model, train)
    trained = _Images()
    if extract is not None and limit > scored:
        trained = _compute(extract, examples_uri, ("train",), limit - scored)
        names = dataset.class_names
        found += _suspects(trained, out_of_fold(trained.values, trained.labels, len(names)), names)
        scored += len(trained.paths)
    report("report", done=scored, total=min(limit, total), unit="images scored")
    found.sort(key=lambda one: one.label_probability - one.suggested_probability)
    return LabelCheck(
        scored=scored,
        total=total,
        suspects=tuple(found),
        train_features=kind if trained.paths else "none",
    )


def _extractor(model: str, train: TrainConfig) -> tuple[Callable[..., Any] | None, Any]:
    starting = starting_features(train)
    if starting is not None:
        return starting, "starting"
    trained = trained_features(model)
    return trained, "trained" if trained else "none"


def _suspects(
    images: _Images, probabilities: Values, class_names: tuple[str, ...]
) -> list[Suspect]:
    if not images.paths:
        return []
    return [
        Suspect(
            path=images.paths[position],
            split=images.splits[position],
            label=class_names[images.labels[position]],
            suggested=class_names[suggested],
            label_probability=float(probabilities[position, images.labels[position]]),
            suggested_probability=float(probabilities[position, suggested]),
        )
        for position, suggested in label_errors(images.labels, probabilities)
    ]


def _compute(
    function: Callable[[Sequence[bytes]], Values],
    examples_uri: str,
    splits: tuple[str, ...],
    limit: int,
) -> _Images:
    """Calls the function on batches of encoded images."""
    rows = list(_batches(function, examples_uri, splits, limit))
    if not rows:
        return _Images()
    paths, of_splits, labels, values = zip(*rows, strict=True)
    return _Images(
        tuple(itertools.chain(*paths)),
        tuple(itertools.chain(*of_splits)),
        np.concatenate(labels),
        np.concatenate(values),
    )


def _batches(
    function: Callable[[Sequence[bytes]], Values],
    examples_uri: str,
    splits: tuple[str, ...],
    limit: int,
) -> Iterator[tuple[list[str], list[str], Values, Values]]:
    import tensorflow as tf

    spec = {
        **{name: tf.io.FixedLenFeature([], tf.string, "") for name in (PATH, IMAGE)},
        LABEL: tf.io.FixedLenFeature([], tf.int64),
    }
    left = limit
    for split in splits:
        for batch in records(examples_uri, split).batch(_BATCH):
            if left <= 0:
                return
            parsed = tf.io.parse_example(batch[:left], spec)
            paths = [path.decode("utf-8", "replace") for path in parsed[PATH].numpy()]
            left -= len(paths)
            values = function(parsed[IMAGE].numpy().tolist())
            yield paths, [split] * len(paths), parsed[LABEL].numpy(), values
