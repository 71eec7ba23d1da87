"""Asks the exported model about images of every split, and names those whose label is probably wrong.

    check = find_suspects(model, examples_uri, dataset, limit=5000)

Images of val and test were never trained on. Those of train were, so a model that has learnt a wrong label by heart
does not disagree with it: what is found there is a part of what there is. Held-out and training images are judged
apart, for the model is surer on the latter.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from components.model_evaluator.scoring import SignatureModel
from components.report.content import LabelCheck, Suspect
from components.report.sources import records
from components.report.suspects import confident_errors
from trainer.features import LABEL, PATH, DatasetInfo
from trainer.model_info import read_model_info
from trainer.progress import report

_ORDER = (("test", "val"), ("train",))
_BATCH = 32


def find_suspects(model: str, examples_uri: str, dataset: DatasetInfo, limit: int) -> LabelCheck:
    """Scores up to `limit` images, held-out ones first."""
    total = sum(dataset.split_size(split) for split in dataset.counts)
    if not limit or read_model_info(model).class_names != dataset.class_names:
        return LabelCheck(scored=0, total=total, suspects=())
    call, found, scored = SignatureModel(model), [], 0
    for splits in _ORDER:
        rows = list(_scored(call, examples_uri, splits, limit - scored))
        scored += len(rows)
        found += _suspects(rows, dataset.class_names)
        report("report", done=scored, total=min(limit, total), unit="images scored")
    found.sort(key=lambda one: one.label_probability - one.suggested_probability)
    return LabelCheck(scored=scored, total=total, suspects=tuple(found))


def _suspects(rows: list[tuple[str, str, int, Any]], class_names: tuple[str, ...]) -> list[Suspect]:
    if not rows:
        return []
    labels = np.array([row[2] for row in rows])
    probabilities = np.stack([row[3] for row in rows])
    return [
        Suspect(
            path=rows[position][0],
            split=rows[position][1],
            label=class_names[labels[position]],
            suggested=class_names[suggested],
            label_probability=float(probabilities[position, labels[position]]),
            suggested_probability=float(probabilities[position, suggested]),
        )
        for position, suggested in confident_errors(labels, probabilities)
    ]


def _scored(
    call: SignatureModel, examples_uri: str, splits: tuple[str, ...], limit: int
) -> Iterator[tuple[str, str, int, Any]]:
    """Path, split, label and probabilities of up to `limit` images."""
    import tensorflow as tf

    spec = {
        PATH: tf.io.FixedLenFeature([], tf.string, ""),
        LABEL: tf.io.FixedLenFeature([], tf.int64),
    }
    remaining = itertools.count(limit, -_BATCH)
    for split in splits:
        for batch in records(examples_uri, split).batch(_BATCH):
            left = next(remaining)
            if left <= 0:
                return
            kept = batch[:left]
            parsed = tf.io.parse_example(kept, spec)
            scores = call(kept.numpy().tolist())
            yield from (
                (path.decode("utf-8", "replace"), split, int(label), score)
                for path, label, score in zip(
                    parsed[PATH].numpy(), parsed[LABEL].numpy(), scores, strict=True
                )
            )
