"""Keeps decoded and resized training images, where they fit, so that each is decoded once.

examples = cached(records, count, config)      # uint8 [R, R, 3] and int64, R = resize_size
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

import tensorflow as tf

from trainer.config import TrainConfig
from trainer.errors import UserError
from trainer.image import Geometry, load_center
from trainer.records import parse

_SHARE = 0.5


def cached(records: tf.data.Dataset, count: int, config: TrainConfig) -> tf.data.Dataset:
    """Decoded images with labels, kept in memory or in a temporary folder after the first pass.

    Raises:
      UserError: they would take more than half of the free memory or disk.
    """
    side = config.resized
    whole = Geometry(image_size=side, resize_size=side, aspect_ratio=config.aspect_ratio)

    def load(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        encoded, label = parse(record)
        return load_center(encoded, whole), label

    check_fits(count * side * side * 3, config.cache)
    examples = records.map(load, tf.data.AUTOTUNE)
    if config.cache == "memory":
        return examples.cache()
    folder = tempfile.mkdtemp(prefix="imagemill-cache-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return examples.cache(os.path.join(folder, "decoded"))


def check_fits(needed: int, kind: str) -> None:
    """Refuses a cache that would take more than half of what is free.

    Raises:
      UserError: it would.
    """
    free = _free_memory() if kind == "memory" else shutil.disk_usage(tempfile.gettempdir()).free
    if needed > free * _SHARE:
        raise UserError(
            f"`cache: {kind}` needs {needed / 2**30:.2f} GiB for the decoded training images, more "
            f"than half of the {free / 2**30:.2f} GiB that are free",
            fix="set `cache: none`, or `cache: disk` where there is room",
        )


def _free_memory() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
