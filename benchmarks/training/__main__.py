"""Images a second of the input, of the step and of both, ours beside the plain script.

python -m benchmarks.training --photos FOLDER --weights W [--image-size 160] [--repeats 5]

FOLDER has one folder of JPEGs per class; the same photos are written as TFRecords for ours. Same model, resolution,
batch and augmentation. Run it on an otherwise idle machine: ratios within a round bear load, absolute figures do not.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from benchmarks.harness import Case, compare, table
from benchmarks.training import plain
from tests.trainer.records import write_examples
from trainer.config import TrainConfig
from trainer.groups import make_groups
from trainer.input import Source, training_batches
from trainer.model import build
from trainer.step import TrainStep

BATCHES = 10


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", default="none")
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    config = TrainConfig(weights=args.weights, alpha=0.75, image_size=args.image_size, epochs=1000)
    with tempfile.TemporaryDirectory() as folder:
        source = write_records(args.photos, Path(folder))
        made = [
            *ours(source, config),
            *reference(args.photos, config, len(source.info.class_names)),
        ]
        results = compare(made, baseline="plain: both", repeats=args.repeats, warmup=2)
    print(table(results, unit="images"))
    for one in results:
        print(f"{one.name}: {(one.work or 0) / one.cpu_median:.0f} images a second of CPU")


def ours(source: Source, config: TrainConfig) -> list[Case]:
    """Our input, step and both."""
    network = build(config, len(source.info.class_names), 1000)
    variables, groups = make_groups(network, config, 1000)
    step = TrainStep(network, variables, config, groups, tf.distribute.get_strategy())
    steps = source.size // config.batch_size

    def batches() -> Iterator[Any]:
        return iter(training_batches(source, config, steps_per_epoch=steps))

    one, numbers = next(batches()), itertools.count()

    def train(batch: Any) -> None:
        step(*batch, rate=1e-5, number=next(numbers)).loss.numpy()

    return _cases("ours", config, batches, one, train)


def reference(photos: Path, config: TrainConfig, classes: int) -> list[Case]:
    """The plain script's input, step and both."""
    weights = None if config.weights == "none" else config.weights
    model = plain.make_model(config.image_size, classes, config.alpha, weights)
    data = plain.make_dataset(photos, config.image_size, config.batch_size)
    one = next(iter(data))
    return _cases(
        "plain", config, lambda: iter(data), one, lambda batch: model.train_on_batch(*batch)
    )


def _cases(
    name: str,
    config: TrainConfig,
    batches: Callable[[], Iterator[Any]],
    one: Any,
    train: Callable[[Any], object],
) -> list[Case]:
    """Two iterators of the same input: AUTOTUNE settles for each during the warm-up."""
    alone, fed = batches(), batches()
    work = BATCHES * config.batch_size

    def both() -> None:
        for batch in itertools.islice(fed, BATCHES):
            train(batch)

    return [
        Case(f"{name}: input", lambda: list(itertools.islice(alone, BATCHES)), work),
        Case(f"{name}: step", lambda: [train(one) for _ in range(BATCHES)], work),
        Case(f"{name}: both", both, work),
    ]


def write_records(photos: Path, folder: Path) -> Source:
    """The photos as ingest would store them."""
    names = sorted(one.name for one in photos.iterdir() if one.is_dir())
    images = [
        (file.read_bytes(), label)
        for label, name in enumerate(names)
        for file in sorted((photos / name).iterdir())
    ]
    write_examples(folder, names, {"train": images})
    return Source.of(f"{folder}/Split-train/*", "train")


if __name__ == "__main__":
    main()
