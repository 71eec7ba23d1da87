"""CutMix over a batch: ours, a Python loop over the batch, and keras.layers.CutMix.

python -m benchmarks.cutmix

Each case runs compiled, as part of a tf.data map would. Bytes moved are counted from the arrays each reads and writes
at least once: pixels of the batch, the partner's pixels, and the result.
"""

from __future__ import annotations

import argparse
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


def cases(batch: int, side: int) -> list[Case]:
    """The three alternatives on the same random photos and labels."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
    images = tf.constant(pixels)
    floats = tf.cast(images, tf.float32)
    labels = tf.one_hot(random.integers(0, CLASSES, batch), CLASSES)
    layer = keras.layers.CutMix(seed=0)
    counter = tf.Variable(0, dtype=tf.int64)

    @tf.function  # type: ignore[untyped-decorator]
    def ours() -> tuple[tf.Tensor, tf.Tensor]:
        seed = tf.stack([tf.constant(0, tf.int64), counter.assign_add(16)])
        boxes = cutmix.draw(batch, side, side, CONFIG, seed)
        return cutmix.apply(images, labels, boxes)

    @tf.function  # type: ignore[untyped-decorator]
    def theirs() -> Any:
        return layer({"images": floats, "labels": labels}, training=True)

    def loop() -> tuple[NDArray[Any], NDArray[Any]]:
        return python_loop(random, pixels, labels.numpy())

    prefix = f"{batch} x {side} px"
    return [
        Case(f"{prefix}: ours, uint8", lambda: ours()[0].numpy(), work=batch),
        Case(f"{prefix}: Python loop, uint8", loop, work=batch),
        Case(f"{prefix}: keras.layers.CutMix, float32", lambda: theirs()["images"].numpy(), batch),
    ]


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
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print("| case | ms a batch | CPU ms | MB moved at least |")
    print("|---|---|---|---|")
    for batch, side in SIZES:
        made = cases(batch, side)
        results = compare(made, baseline=made[0].name, repeats=rounds, warmup=3)
        for case, result in zip(made, results, strict=True):
            width = 4 if "float32" in case.name else 1
            moved = 3 * batch * side * side * 3 * width / 1e6
            wall, cpu = result.median * 1e3, result.cpu_median * 1e3
            print(f"| {case.name} | {wall:.2f} | {cpu:.2f} | {moved:.1f} |", flush=True)


if __name__ == "__main__":
    main()
