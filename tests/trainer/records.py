"""Small Examples artifacts for tests and measurements: what ingest would have written."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from trainer import features


def encode(pixels: NDArray[Any], kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, quality=95)
    return buffer.getvalue()


def example(image: bytes, label: int) -> bytes:
    def of_bytes(value: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    number = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    content = {features.IMAGE: of_bytes(image), features.LABEL: number}
    record = tf.train.Example(features=tf.train.Features(feature=content))
    return bytes(record.SerializeToString())


def write_split(
    root: Path, split: str, images: Iterable[tuple[bytes, int]], shards: int = 2
) -> None:
    folder = root / f"Split-{split}"
    folder.mkdir(parents=True, exist_ok=True)
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    names = [folder / f"data-{i:05d}-of-{shards:05d}.gz" for i in range(shards)]
    writers = [tf.io.TFRecordWriter(str(name), options) for name in names]
    for index, (image, label) in enumerate(images):
        writers[index % shards].write(example(image, label))
    for writer in writers:
        writer.close()


def write_examples(
    root: Path, class_names: list[str], splits: Mapping[str, list[tuple[bytes, int]]]
) -> Path:
    counts = {}
    for split, images in splits.items():
        write_split(root, split, images)
        labels = [label for _, label in images]
        counts[split] = {name: labels.count(i) for i, name in enumerate(class_names)}
    info = features.DatasetInfo(
        class_names=tuple(class_names), counts=counts, data_version="test", stored_size=64
    )
    (root / features.DATASET_FILE).write_text(info.model_dump_json())
    return root


def coloured(count: int, classes: int, seed: int, side: int = 48) -> list[tuple[bytes, int]]:
    """Noisy squares whose colour is their class: learnt in a few steps."""
    random = np.random.default_rng(seed)
    hues = np.array([[220, 40, 40], [40, 220, 40], [40, 40, 220], [220, 220, 40]])
    made = []
    for index in range(count):
        label = index % classes
        noise = random.normal(0, 25, (side, side + 8, 3))
        pixels = np.clip(hues[label] + noise, 0, 255).astype(np.uint8)
        made.append((encode(pixels, "PNG" if index % 3 == 0 else "JPEG"), label))
    return made
