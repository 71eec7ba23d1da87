"""Images a second of the input, of the step and of both, ours beside the plain script.

python -m benchmarks.training --photos FOLDER --weights W [--image-size 160] [--repeats 5] [--timm PYTHON]

FOLDER has one folder of JPEGs per class; the same photos are written as TFRecords for ours. Same model, resolution,
batch and augmentation. `--timm` names an interpreter that has torch and timm, whose step is then measured as well. Run
it on an otherwise idle machine: ratios within a round bear load, absolute figures do not.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import tempfile
from collections.abc import Callable
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

STEPS = 10
INPUT_BATCHES = 40


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", default="none")
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", help='cases, such as "ours: input"')
    parser.add_argument("--timm", help="a Python with torch and timm")
    args = parser.parse_args()
    config = TrainConfig(weights=args.weights, alpha=0.75, image_size=args.image_size, epochs=1000)
    with tempfile.TemporaryDirectory() as folder:
        source = write_records(args.photos, Path(folder))
        made = [
            *ours(source, config),
            *reference(args.photos, config, len(source.info.class_names)),
            *(timm_step(args.timm, config) if args.timm else ()),
        ]
        made = [one for one in made if not args.only or one.name in args.only]
        results = compare(
            made,
            baseline=made[-1].name if args.only else "plain: both",
            repeats=args.repeats,
            warmup=2,
        )
    print(table(results, unit="images"))
    for one in results:
        # Another process that still runs does not count as CPU time of this one.
        if not one.name.startswith("timm"):
            print(f"{one.name}: {(one.work or 0) / one.cpu_median:.0f} images a second of CPU")
    if not args.only:
        _print_ratios({one.name: one.throughput or 0.0 for one in results})


def ours(source: Source, config: TrainConfig) -> list[Case]:
    """Our input, step and both."""
    network = build(config, len(source.info.class_names), 1000)
    variables, groups = make_groups(network, config, 1000)
    step = TrainStep(network, variables, config, groups, tf.distribute.get_strategy())
    steps = source.size // config.batch_size

    data = training_batches(source, config, steps_per_epoch=steps)
    one, numbers = next(iter(data)), itertools.count()

    def train(batch: Any) -> None:
        step(*batch, rate=1e-5, number=next(numbers)).loss.numpy()

    return _cases("ours", config, data, one, train)


def reference(photos: Path, config: TrainConfig, classes: int) -> list[Case]:
    """The plain script's input, step and both."""
    weights = None if config.weights == "none" else config.weights
    model = plain.make_model(config.image_size, classes, config.alpha, weights)
    data = plain.make_dataset(photos, config.image_size, config.batch_size)
    one = next(iter(data))
    return _cases("plain", config, data, one, lambda batch: model.train_on_batch(*batch))


def timm_step(python: str, config: TrainConfig) -> list[Case]:
    """The step of PyTorch and timm, in a process of its own that waits between its turns."""
    script = Path(__file__).with_name("timm_step.py")
    command = [python, str(script), str(config.image_size), str(config.batch_size)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run() -> None:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(f"{STEPS}\n")
        server.stdin.flush()
        if not server.stdout.readline():
            raise RuntimeError(f"{' '.join(command)} ended with code {server.wait()}")

    return [Case("timm: step", run, STEPS * config.batch_size)]


def _print_ratios(rates: dict[str, float]) -> None:
    """The three bounds that docs/training.md states."""
    print(f"input over step, ours: {rates['ours: input'] / rates['ours: step']:.2f}")
    print(f"both, ours over plain: {rates['ours: both'] / rates['plain: both']:.2f}")
    if "timm: step" in rates:
        print(f"step, ours over timm: {rates['ours: step'] / rates['timm: step']:.2f}")


def _cases(
    name: str,
    config: TrainConfig,
    data: tf.data.Dataset,
    one: Any,
    train: Callable[[Any], object],
) -> list[Case]:
    """Every round starts an input anew: one that lives on fills its buffers while another case is measured."""
    size = config.batch_size

    def both() -> None:
        for batch in itertools.islice(data, STEPS):
            train(batch)

    def alone() -> None:
        for _ in itertools.islice(data, INPUT_BATCHES):
            pass

    return [
        Case(f"{name}: input", alone, INPUT_BATCHES * size),
        Case(f"{name}: step", lambda: [train(one) for _ in range(STEPS)], STEPS * size),
        Case(f"{name}: both", both, STEPS * size),
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
