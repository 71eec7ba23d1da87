"""Runs an ingest without TFX, and reads back what it wrote."""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.dead_letter import DEAD_LETTERS_FILE, DeadLetter
from components.image_example_gen.ingest import Ingest
from components.image_example_gen.listing import list_images
from trainer.features import DatasetInfo

BEAM = ["--runner=FnApiRunner"]


def ingest(
    root: Path,
    output: Path,
    config: IngestConfig,
    *,
    registry: str = "",
    beam_args: list[str] = BEAM,
) -> DatasetInfo:
    listing = list_images(str(root), config)
    work = Ingest(listing, config, listing.fingerprint(), lambda: beam.Pipeline(argv=beam_args))
    return work.run(
        str(output / "examples" / "1"), str(output / "dead" / "1"), registry=registry, name="m"
    )


def read_examples(output: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Split and features of each example, in the order written."""
    import tensorflow as tf

    for path in sorted((output / "examples" / "1").glob("Split-*/*.gz")):
        data = gzip.decompress(path.read_bytes())
        position = 0
        while position < len(data):
            (length,) = struct.unpack_from("<Q", data, position)
            example = tf.train.Example.FromString(data[position + 12 : position + 12 + length])
            position += length + 16
            yield (
                path.parent.name.removeprefix("Split-"),
                {
                    name: getattr(feature, feature.WhichOneof("kind")).value[0]
                    for name, feature in example.features.feature.items()
                },
            )


def splits_of(output: Path) -> dict[str, str]:
    """Split of each image by path."""
    return {features["image/path"].decode(): split for split, features in read_examples(output)}


def dead_letters(output: Path) -> list[DeadLetter]:
    text = (output / "dead" / "1" / DEAD_LETTERS_FILE).read_text(encoding="ascii")
    return [DeadLetter.from_json(line) for line in text.splitlines()]


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
