"""CutMix over a batch: ours, a Python loop over the batch, and keras.layers.CutMix.

python -m benchmarks.cutmix

Ours and Keras's run where they are used, in a tf.data map; the loop runs there through `numpy_function`, and as bare
NumPy without any pipeline, which is its best. Every image is mixed. Bytes moved are counted from the arrays that each
reads and writes at least once: the batch, the partners, and the result; Keras's layer works in float32.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from benchmarks.harness import Case, compare
from trainer import cutmix
from trainer.config import CutMixConfig

SIZES = [(32, 160), (32, 224), (256, 160), (256, 224)]
CONFIG = CutMixConfig(probability=1.0)
CLASSES = 6
PIXELS_A_RUN = 64 * 224 * 224 * 8


def cases(batch: int, side: int) -> list[Case]:
    """The alternatives on the same random photos and labels; one unit of work is a batch."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
    one_hot = np.eye(CLASSES, dtype=np.float32)[random.integers(0, CLASSES, batch)]
    images, labels = tf.constant(pixels), tf.constant(one_hot)
    floats = tf.cast(images, tf.float32)
    layer = keras.layers.CutMix(seed=0)
    count = max(PIXELS_A_RUN // pixels[..., 0].size, 4)

    def ours(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        boxes = cutmix.draw(batch, side, side, CONFIG, tf.stack([tf.constant(0, tf.int64), step]))
        return cutmix.apply(images, labels, boxes)

    def theirs(_step: tf.Tensor) -> Any:
        mixed = layer({"images": floats, "labels": labels}, training=True)
        return mixed["images"], mixed["labels"]

    def wrapped(_step: tf.Tensor) -> Any:
        def loop(*batch_of: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
            return python_loop(random, *batch_of)

        return tf.numpy_function(loop, [images, labels], [tf.uint8, tf.float32])

    def bare() -> None:
        for _ in range(count):
            python_loop(random, pixels, one_hot)

    prefix = f"{batch} x {side} px"
    return [
        Case(f"{prefix}: ours, uint8", _mapped(ours, count), count),
        Case(f"{prefix}: Python loop, uint8, bare", bare, count),
        Case(f"{prefix}: Python loop, uint8, in tf.data", _mapped(wrapped, count), count),
        Case(f"{prefix}: keras.layers.CutMix, float32", _mapped(theirs, count), count),
    ]


def _mapped(function: Callable[[tf.Tensor], Any], count: int) -> Callable[[], None]:
    """Takes `count` results of a tf.data map that is not parallel, one after the other."""
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.range(np.iinfo(np.int64).max).map(function).with_options(options)
    results = iter(data)

    def run() -> None:
        for _ in range(count):
            next(results)

    return run


def python_loop(
    random: np.random.Generator, images: NDArray[Any], labels: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """CutMix as it is written by hand, image by image."""
    mixed, mixed_labels = images.copy(), labels.copy()
    count, height, width = images.shape[:3]
    for index in range(count):
        partner = random.integers(count)
        half = np.sqrt(1 - random.uniform()) / 2
        y, x = random.uniform(0.125, 0.875, 2)
        top, bottom = (round(np.clip(v, 0, 1) * height) for v in (y - half, y + half))
        left, right = (round(np.clip(v, 0, 1) * width) for v in (x - half, x + half))
        mixed[index, top:bottom, left:right] = images[partner, top:bottom, left:right]
        share = (bottom - top) * (right - left) / (height * width)
        mixed_labels[index] += share * (labels[partner] - labels[index])
    return mixed, mixed_labels


def main() -> None:
    """Prints milliseconds a batch and bytes moved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print("| case | ms a batch | CPU ms a batch | MB moved at least |")
    print("|---|---|---|---|")
    for batch, side in SIZES:
        made = cases(batch, side)
        results = compare(made, baseline=made[0].name, repeats=rounds, warmup=1)
        for result in results:
            width = 4 if "float32" in result.name else 1
            moved = 3 * batch * side * side * 3 * width / 1e6
            work = result.work or 1
            wall, cpu = result.median * 1e3 / work, result.cpu_median * 1e3 / work
            print(f"| {result.name} | {wall:.2f} | {cpu:.2f} | {moved:.1f} |", flush=True)


if __name__ == "__main__":
    main()
