"""Peak memory of the evaluator on splits of several sizes: it must not grow with the images.

    python -m benchmarks.evaluator                     # 500 and 5,000 images of 60 KB
    python -m benchmarks.evaluator --counts 500 50000

Each split is evaluated by the executor, as TFX calls it, in a process of its own, with a model that compares colours.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

COLOURS = ("blue", "green", "red")
VARIANTS = 50


def photos() -> list[bytes]:
    """JPEGs of noise, 300 x 229, about 60 KB each."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(0)
    encoded = []
    for _ in range(VARIANTS):
        buffer = io.BytesIO()
        pixels = draw.integers(0, 256, (229, 300, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
        encoded.append(buffer.getvalue())
    return encoded


def write_examples(folder: Path, count: int) -> int:
    """An Examples artifact with a test split of so many images; returns its bytes."""
    import tensorflow as tf

    from trainer.features import CLASS_NAME, IMAGE, PATH, DatasetInfo

    (folder / "Split-test").mkdir(parents=True)
    path = str(folder / "Split-test" / "data_tfrecord-00000-of-00001.gz")
    images, size = photos(), 0
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for number in range(count):
            made = tf.train.Example()
            feature = made.features.feature
            image, name = images[number % VARIANTS], COLOURS[number % len(COLOURS)]
            for key, value in ((IMAGE, image), (CLASS_NAME, name.encode())):
                feature[key].bytes_list.value.append(value)
            feature[PATH].bytes_list.value.append(f"{number}.jpg".encode())
            writer.write(made.SerializeToString())
            size += len(image)
    counts = {"test": dict.fromkeys(COLOURS, count // len(COLOURS))}
    info = DatasetInfo(class_names=COLOURS, counts=counts, data_version="d", stored_size=229)
    (folder / "dataset.json").write_text(info.model_dump_json())
    return size


def evaluate(folder: Path) -> None:
    """Runs the executor and prints this process's peak memory."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import standard_artifacts

    from components.model_evaluator.config import EvaluateConfig
    from components.model_evaluator.executor import Executor

    def artifact(kind: type, name: str) -> list[object]:
        made = kind()
        made.uri = str(folder / name)
        return [made]

    context = BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner"], tmp_dir=str(folder), unique_id="1"
    )
    Executor(context).Do(
        {
            "examples": artifact(standard_artifacts.Examples, "examples"),
            "model": artifact(standard_artifacts.Model, "model"),
        },
        {
            "evaluation": artifact(standard_artifacts.ModelEvaluation, "evaluation"),
            "blessing": artifact(standard_artifacts.ModelBlessing, "blessing"),
        },
        {
            "registry": str(folder / "registry"),
            "name": "colours",
            "config": EvaluateConfig(slice_by=("class",)).model_dump_json(),
        },
    )
    status = Path("/proc/self/status").read_text().splitlines()
    [peak] = [int(line.split()[1]) for line in status if line.startswith("VmHWM")]
    print(f"peak {peak / 1024:.0f} MB")


def main() -> int:
    """Makes each split, and has it evaluated in a new process."""
    parser = argparse.ArgumentParser(prog="benchmarks.evaluator", description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--evaluate", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.evaluate:
        evaluate(given.evaluate)
        return 0
    from tests.components.tiny_model import export_model

    for count in given.counts:
        with tempfile.TemporaryDirectory() as name:
            size = write_examples(Path(name) / "examples", count)
            export_model(Path(name) / "model" / "Format-Serving")
            command = [sys.executable, "-m", "benchmarks.evaluator", "--evaluate", name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        print(f"{count} images, {size / 2**20:.0f} MB: {done.stdout.strip()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
