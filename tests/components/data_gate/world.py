"""Small made-up data sets: images, table rows and Examples artifacts, as ingest would make them."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from components.data_gate.image_table import ImageTable
from components.fingerprints import Fingerprint, fingerprint
from components.image_example_gen.measures import NAMES, measure
from trainer import features


@dataclasses.dataclass(frozen=True)
class Row:
    """An image with its place in the data set."""

    path: str
    class_name: str
    split: str
    encoded: bytes
    image: Image.Image

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.encoded).hexdigest()

    @property
    def mark(self) -> Fingerprint:
        return fingerprint(np.asarray(self.image))

    def measures(self) -> dict[str, float]:
        return measure(self.image, source_size=self.image.size, source_bytes=len(self.encoded))


def photo(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """Something like a photo: large soft shapes, edges and fine grain, different for every seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 226, (5, 6, 3), dtype=np.uint8))
    middle = Image.fromarray(rng.integers(0, 256, (18, 24, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.float64)
    edges = np.asarray(middle.resize(size, Image.Resampling.NEAREST), np.float64)
    grain = rng.normal(0, 6, (size[1], size[0], 1))
    pixels = np.clip(0.7 * smooth + 0.3 * edges + grain, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


def blurred(image: Image.Image, radius: float = 4) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius))


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def row(
    image: Image.Image, path: str, class_name: str, split: str = "train", quality: int = 90
) -> Row:
    encoded = jpeg(image, quality)
    return Row(path, class_name, split, encoded, Image.open(io.BytesIO(encoded)).convert("RGB"))


def clean_rows(classes: Sequence[str] = ("cat", "dog"), per_split: int = 8) -> list[Row]:
    """Every class has `per_split` different photos in each split."""
    return [
        row(photo(hash_of(name, split, number)), f"{split}/{name}/{number}.jpg", name, split)
        for split in features.SPLITS
        for name in classes
        for number in range(per_split)
    ]


def hash_of(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")


def table_of(rows: Sequence[Row]) -> ImageTable:
    """The rows as the gate sees them."""
    measures = [each.measures() for each in rows]
    return ImageTable(
        paths=[each.path for each in rows],
        class_names=[each.class_name for each in rows],
        splits=[each.split for each in rows],
        sha256=[each.sha256 for each in rows],
        phash=np.array([each.mark.phash for each in rows], dtype=np.int64),
        thumbnails=[each.mark.thumbnail for each in rows],
        stats={name: np.array([found[name] for found in measures]) for name in NAMES},
    )


def class_names(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(sorted({each.class_name for each in rows}))


def write_examples(folder: Path, rows: Sequence[Row]) -> None:
    """An Examples artifact with `dataset.json`, two shards a split."""
    import tensorflow as tf

    names = class_names(rows)
    for split in features.SPLITS:
        target = folder / f"Split-{split}"
        target.mkdir(parents=True)
        mine = [each for each in rows if each.split == split]
        for shard in range(2):
            path = str(target / f"data_tfrecord-{shard:05d}-of-00002.gz")
            with tf.io.TFRecordWriter(path, "GZIP") as writer:
                for each in mine[shard::2]:
                    writer.write(_example(each, names).SerializeToString())
    counts: dict[str, dict[str, int]] = {split: {} for split in features.SPLITS}
    for each in rows:
        of_split = counts[each.split]
        of_split[each.class_name] = of_split.get(each.class_name, 0) + 1
    info = features.DatasetInfo(
        class_names=names,
        counts=counts,
        data_version="v",
        stored_size=72,
        columns={"iso": "int", "camera": "text"},
    )
    (folder / features.DATASET_FILE).write_text(info.model_dump_json())


def _example(each: Row, names: Sequence[str]):
    import tensorflow as tf

    def bytes_of(value: bytes | str):
        data = value.encode() if isinstance(value, str) else value
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))

    def int_of(value: int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    def float_of(value: float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))

    feature = {
        features.IMAGE: bytes_of(each.encoded),
        features.FORMAT: bytes_of("JPEG"),
        features.HEIGHT: int_of(each.image.height),
        features.WIDTH: int_of(each.image.width),
        features.LABEL: int_of(names.index(each.class_name)),
        features.CLASS_NAME: bytes_of(each.class_name),
        features.PATH: bytes_of(each.path),
        features.SHA256: bytes_of(each.sha256),
        features.PERCEPTUAL_HASH: int_of(each.mark.phash),
        features.THUMBNAIL: bytes_of(each.mark.thumbnail),
        features.COLUMN_PREFIX + "iso": int_of(100),
        features.COLUMN_PREFIX + "camera": bytes_of("phone"),
    }
    feature |= {features.STAT_PREFIX + name: float_of(v) for name, v in each.measures().items()}
    return tf.train.Example(features=tf.train.Features(feature=feature))
