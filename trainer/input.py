"""From TFRecords to batches: a pure function of the configuration, the seed and the step.

    source = Source.of(fn_args.train_files, "train")
    for images, labels in training_batches(source, config, steps_per_epoch=46, start_step=0):
        ...

Images stay uint8 until after CutMix. Every random draw depends on the seed and the position in the run alone, so
skipping to step N gives what an uninterrupted run would have seen there.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer import augment, mixing
from trainer.cache import cached
from trainer.config import TrainConfig
from trainer.errors import ExitCode, UserError
from trainer.features import DATASET_FILE, DatasetInfo, examples_root
from trainer.image import Geometry, load_center, load_window, source_size, window_at
from trainer.records import parse

_BUFFER_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Source:
    """One split of an Examples artifact.

    Attributes:
      files: its TFRecord files, gzipped, sorted.
      split: its name.
      info: facts about the whole dataset.
    """

    files: tuple[str, ...]
    split: str
    info: DatasetInfo

    @classmethod
    def of(cls, patterns: Sequence[str] | str, split: str) -> Source:
        """Finds the files of a split.

        Raises:
          UserError: there are none, or no dataset.json beside them.
        """
        patterns = [patterns] if isinstance(patterns, str) else list(patterns)
        files = sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))
        if not files:
            raise UserError(
                f"the {split} split has no files: nothing matches {patterns}",
                fix="ingest the images again, with a share for this split",
                code=ExitCode.DATA_REFUSED,
            )
        return cls(tuple(files), split, read_dataset_info(examples_root(patterns[0])))

    @property
    def size(self) -> int:
        """Number of examples."""
        return self.info.split_size(self.split)

    @property
    def class_counts(self) -> NDArray[Any]:
        """Examples per class, int64 [C]."""
        counts = self.info.counts.get(self.split, {})
        return np.array([counts.get(name, 0) for name in self.info.class_names], np.int64)

    def records(self) -> tf.data.Dataset:
        """Serialized examples in the stored order."""
        return tf.data.TFRecordDataset(list(self.files), "GZIP", _BUFFER_BYTES)


def read_dataset_info(root: str) -> DatasetInfo:
    """Reads `dataset.json` at the root of an Examples artifact.

    Raises:
      UserError: it is not there.
    """
    path = os.path.join(root, DATASET_FILE)
    if not tf.io.gfile.exists(path):
        raise UserError(
            f"{path!r} is missing, so the classes are not known",
            fix="ingest the images again",
            code=ExitCode.DATA_REFUSED,
        )
    with tf.io.gfile.GFile(path, "r") as file:
        return DatasetInfo.model_validate_json(file.read())


def training_batches(
    source: Source, config: TrainConfig, *, steps_per_epoch: int, start_step: int = 0
) -> tf.data.Dataset:
    """Endless augmented batches from `start_step` on: uint8 [B, S, S, 3] and labels.

    Every epoch is a new shuffle of the split with the rest that fills no batch left out.
    """
    per_epoch = steps_per_epoch * config.batch_size
    numbered = _ordered(source, config, per_epoch).enumerate().skip(start_step * config.batch_size)
    load = _augment_cached if config.cache != "none" else _load_training
    examples = numbered.map(functools.partial(load, config=config), tf.data.AUTOTUNE)
    batches = examples.batch(config.batch_size, drop_remainder=True, num_parallel_calls=1)
    steps = tf.data.Dataset.range(start_step, np.iinfo(np.int64).max)
    mix = functools.partial(
        mixing.mix_batch,
        config=config,
        class_count=len(source.info.class_names),
        mixing_steps=mixing_steps(config, steps_per_epoch),
        pixel_layers=(
            augment.PixelLayers(config.augment, config.seed) if config.augment.per_pixel else None
        ),
    )
    batches = tf.data.Dataset.zip((steps, batches))
    return batches.map(mix, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def mixing_steps(config: TrainConfig, steps_per_epoch: int) -> int:
    """The step at which CutMix ends."""
    return max(config.epochs - config.cutmix.off_last_epochs, 0) * steps_per_epoch


def evaluation_batches(
    source: Source, config: TrainConfig, *, mirrored: bool = False
) -> tf.data.Dataset:
    """The split once, in the stored order: uint8 [B, S, S, 3] and int64 labels [B]."""
    return _centred(source.records(), config, mirrored).batch(config.batch_size).prefetch(1)


def sample_batches(source: Source, config: TrainConfig, count: int) -> tf.data.Dataset:
    """Full batches as in `evaluation_batches`, of examples drawn from the shuffle buffer."""
    records = source.records().shuffle(max(config.shuffle, 1), seed=config.seed)
    count = min(count, source.size // config.batch_size)
    records = records.take(count * config.batch_size)
    return _centred(records, config, False).batch(config.batch_size).prefetch(1)


def _centred(records: tf.data.Dataset, config: TrainConfig, mirrored: bool) -> tf.data.Dataset:
    geometry = Geometry.of(config)

    def load(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        encoded, label = parse(record)
        pixels = load_center(encoded, geometry)
        return (tf.reverse(pixels, [1]) if mirrored else pixels), label

    return records.map(load, tf.data.AUTOTUNE)


def _ordered(source: Source, config: TrainConfig, per_epoch: int) -> tf.data.Dataset:
    """Endless examples in training order: records, or decoded images with labels where cached."""
    records = source.records()
    if config.class_balance == "sampling":
        return _balanced(source, config)
    if config.cache != "none":
        records = cached(records, source.size, config)
    return _shuffled(records, config).take(per_epoch).repeat()


def _balanced(source: Source, config: TrainConfig) -> tf.data.Dataset:
    """Every class equally often, each in its own shuffle."""
    present = [label for label, count in enumerate(source.class_counts) if count]

    def of_class(label: int) -> tf.data.Dataset:
        def keep(record: tf.Tensor) -> tf.Tensor:
            return parse(record)[1] == label

        return _shuffled(source.records().filter(keep), config).repeat()

    return tf.data.Dataset.sample_from_datasets(
        [of_class(label) for label in present], seed=config.seed
    )


def _shuffled(records: tf.data.Dataset, config: TrainConfig) -> tf.data.Dataset:
    if config.shuffle == 0:
        return records
    return records.shuffle(config.shuffle, seed=config.seed, reshuffle_each_iteration=True)


def _load_training(
    index: tf.Tensor, record: tf.Tensor, *, config: TrainConfig
) -> tuple[tf.Tensor, tf.Tensor]:
    encoded, label = parse(record)
    geometry = Geometry.of(config)
    draw = augment.draw_example(config.seed, index)
    size = source_size(encoded)
    pixels = load_window(encoded, geometry, window_at(size, geometry, draw.position))
    return (augment.flip(pixels, draw.mirrored) if config.flip else pixels), label


def _augment_cached(
    index: tf.Tensor, example: tuple[tf.Tensor, tf.Tensor], *, config: TrainConfig
) -> tuple[tf.Tensor, tf.Tensor]:
    pixels, label = example
    draw = augment.draw_example(config.seed, index)
    room = config.resized - config.image_size
    y, x = tf.unstack(tf.cast(tf.round(draw.position * room), tf.int32))
    pixels = pixels[y : y + config.image_size, x : x + config.image_size]
    pixels = tf.ensure_shape(pixels, [config.image_size, config.image_size, 3])
    return (augment.flip(pixels, draw.mirrored) if config.flip else pixels), label
