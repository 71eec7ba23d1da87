"""Reads an Examples artifact as an `ImageTable`: every feature but the encoded image.

table = read_table(examples_uri)
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

import numpy as np

from components.data_gate.image_table import ImageTable
from trainer.features import (
    CLASS_NAME,
    PATH,
    PERCEPTUAL_HASH,
    SHA256,
    SPLITS,
    STAT_PREFIX,
    THUMBNAIL,
)

_TEXTS = (PATH, CLASS_NAME, SHA256, THUMBNAIL)
_BATCH = 512


def read_table(examples_uri: str) -> ImageTable:
    """Reads all splits, in the order train, val, test.

    Args:
      examples_uri: root of the artifact, with `Split-<name>/` folders of gzipped TFRecords.
    """
    columns: dict[str, list[Any]] = {}
    splits: list[str] = []
    for split in SPLITS:
        for batch in _batches(posixpath.join(examples_uri, f"Split-{split}")):
            for name, values in batch.items():
                columns.setdefault(name, []).extend(values.tolist())
            splits += [split] * len(batch[PATH])
    return _table(columns, splits)


def _table(columns: dict[str, list[Any]], splits: list[str]) -> ImageTable:
    count = len(splits)
    texts = {
        name: [value.decode("utf-8", "replace") for value in columns.get(name, ())]
        for name in _TEXTS[:3]
    }
    stats = {
        name.removeprefix(STAT_PREFIX): np.array(values, dtype=np.float64)
        for name, values in columns.items()
        if name.startswith(STAT_PREFIX) and len(values) == count
    }
    return ImageTable(
        paths=texts[PATH],
        class_names=texts[CLASS_NAME],
        splits=splits,
        sha256=texts[SHA256],
        phash=np.array(columns.get(PERCEPTUAL_HASH, ()), dtype=np.int64),
        thumbnails=columns.get(THUMBNAIL, []),
        stats=stats,
    )


def _batches(folder: str) -> Iterator[dict[str, Any]]:
    """Feature name to array, a few hundred examples at a time."""
    import tensorflow as tf

    files = sorted(tf.io.gfile.glob(posixpath.join(folder, "*")))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP", num_parallel_reads=1)
    first = next(iter(records.take(1)), None) if files else None
    if first is None:
        return
    spec = _spec(tf.train.Example.FromString(first.numpy()))
    parsed = records.batch(_BATCH).map(lambda batch: tf.io.parse_example(batch, spec))
    yield from parsed.prefetch(1).as_numpy_iterator()


def _spec(example: Any) -> dict[str, Any]:
    """What to read; statistics are what the first example of a split has."""
    import tensorflow as tf

    spec: dict[str, Any] = {name: tf.io.FixedLenFeature([], tf.string, b"") for name in _TEXTS}
    spec[PERCEPTUAL_HASH] = tf.io.FixedLenFeature([], tf.int64, 0)
    for name, feature in example.features.feature.items():
        if name.startswith(STAT_PREFIX) and feature.WhichOneof("kind") == "float_list":
            spec[name] = tf.io.FixedLenFeature([], tf.float32, float("nan"))
    return spec
