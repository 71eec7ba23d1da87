"""Names of the features of one example, and the facts about a dataset that travel beside its records.

An Examples artifact holds `Split-<name>/` folders of gzipped TFRecords, as everywhere in TFX, and one
`dataset.json` at its root (`DatasetInfo`): class names cannot be read back from records cheaply.
"""

from __future__ import annotations

import posixpath
from typing import Literal

from pydantic import Field

from trainer.settings import Settings

IMAGE = "image/encoded"
FORMAT = "image/format"
HEIGHT = "image/height"
WIDTH = "image/width"
LABEL = "image/class/label"
CLASS_NAME = "image/class/text"
PATH = "image/path"
SHA256 = "image/sha256"
PERCEPTUAL_HASH = "image/phash"
THUMBNAIL = "image/thumbnail"
STAT_PREFIX = "stat/"
# Of statistics only: `embedding/<digest of the weights>/<number>`.
EMBEDDING_PREFIX = "embedding/"
COLUMN_PREFIX = "column/"

SPLITS = ("train", "val", "test")
SplitName = Literal["train", "val", "test"]
DATASET_FILE = "dataset.json"


class DatasetInfo(Settings):
    """What an Examples artifact holds.

    Attributes of note: `class_names` is sorted; a label is an index into it.
    """

    class_names: tuple[str, ...] = Field(
        description="Class names, sorted; the label of an example is its index here."
    )
    counts: dict[str, dict[str, int]] = Field(description="Examples per split and class name.")
    data_version: str = Field(
        description="Fingerprint of the input that these examples were made from."
    )
    stored_size: int = Field(
        description="Shorter side in pixels that larger images were scaled down to."
    )
    dead_letters: int = Field(0, description="Files that could not become an example.")
    columns: dict[str, Literal["int", "float", "text"]] = Field(
        {}, description="Type of each extra column of a manifest, feature `column/<name>`."
    )
    test_set: str = Field(
        "",
        description="SHA-256 over the sorted SHA-256 of the test images: equal for models that were "
        "measured on the very same images.",
    )

    def split_size(self, split: str) -> int:
        """Number of examples in a split; 0 where there is none."""
        return sum(self.counts.get(split, {}).values())


def examples_root(split_pattern: str) -> str:
    """The root of the Examples artifact that a TFX file pattern such as `.../Split-train/*` points into."""
    return posixpath.dirname(posixpath.dirname(split_pattern))
