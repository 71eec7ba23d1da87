"""What is tried on a few test images with the exported files themselves: do they agree, and how fast is one answer.

probes = probe("model/Format-Serving", serialized_examples)
probes.differences["serving_default"], probes.median_ms
"""

from __future__ import annotations

import dataclasses
import posixpath
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.model_evaluator.scoring import Probabilities, SignatureModel
from trainer.features import IMAGE

BYTES_SIGNATURE = "serving_default"
TFLITE_FILES = ("model.tflite", "model_int8.tflite")
KERAS_FILE = "model.keras"
Pixels = npt.NDArray[np.uint8]
_WARM_UP = 3
_TIMED = 30


@dataclasses.dataclass(frozen=True)
class Probes:
    """What was found.

    Attributes:
      images: how many images were tried.
      differences: by format, the largest difference of a probability to the evaluated signature, 0 to 1.
      int8_agreement: share of images on which an 8-bit export names the same class; None where there is none.
      median_ms, p95_ms: time for one image at a time through `serving_default`, in milliseconds.
    """

    images: int
    differences: Mapping[str, float]
    int8_agreement: float | None
    median_ms: float
    p95_ms: float


def probe(model: str, serialized: Sequence[bytes]) -> Probes:
    """Tries an exported model on serialized examples (at least one)."""
    import tensorflow as tf

    features = [tf.train.Example.FromString(one).features.feature for one in serialized]
    images = [feature[IMAGE].bytes_list.value[0] for feature in features]
    by_example = SignatureModel(model)
    expected, by_bytes = by_example(serialized), by_example.under(BYTES_SIGNATURE)
    one_by_one = np.concatenate([by_bytes([image]) for image in images])
    others = other_formats(model, by_bytes.pixels, images)
    eight_bit = [answers for name, answers in others.items() if "int8" in name]
    floats = {name: answers for name, answers in others.items() if "int8" not in name}
    floats |= {BYTES_SIGNATURE: by_bytes(images), f"{BYTES_SIGNATURE} one by one": one_by_one}
    times = time_single(by_bytes, images)
    return Probes(
        images=len(images),
        differences={name: _difference(answers, expected) for name, answers in floats.items()},
        int8_agreement=min((_agreement(answers, expected) for answers in eight_bit), default=None),
        median_ms=statistics.median(times),
        p95_ms=float(np.percentile(times, 95)),
    )


def other_formats(
    model: str, pixels: Callable[[Sequence[bytes]], Pixels], images: Sequence[bytes]
) -> dict[str, Probabilities]:
    """Answers of the files that were exported beside the SavedModel, by file name; none where there are none.

    Args:
      model: the SavedModel's folder.
      pixels: encoded images to what the network sees, uint8 [N, S, S, 3].
      images: encoded images.
    """
    import tensorflow as tf

    from trainer.model_info import EXTRA_DIR

    paths = {name: posixpath.join(model, EXTRA_DIR, name) for name in (*TFLITE_FILES, KERAS_FILE)}
    present = {name: path for name, path in paths.items() if tf.io.gfile.exists(path)}
    seen = pixels(images) if present else None
    return {name: _answers(path, seen) for name, path in present.items() if seen is not None}


def _answers(path: str, pixels: Pixels) -> Probabilities:
    import tensorflow as tf

    if path.endswith(".tflite"):
        from trainer import tflite

        with tf.io.gfile.GFile(path, "rb") as file:
            return tflite.predict(file.read(), pixels)
    import keras

    network = keras.models.load_model(path, compile=False)
    return np.asarray(network(pixels.astype(np.float32), training=False), np.float32)


def time_single(
    call: Callable[[Sequence[bytes]], Probabilities], images: Sequence[bytes]
) -> list[float]:
    """Milliseconds of single-image calls, after a warm-up."""
    times = []
    for index in range(_WARM_UP + _TIMED):
        started = time.perf_counter()
        call([images[index % len(images)]])
        times.append((time.perf_counter() - started) * 1000)
    return times[_WARM_UP:]


def first_records(pattern: str, count: int) -> list[bytes]:
    """The first records of a split, fewer where it holds fewer."""
    import tensorflow as tf

    files = sorted(tf.io.gfile.glob(pattern))
    compression = "GZIP" if files and files[0].endswith(".gz") else None
    dataset = tf.data.TFRecordDataset(files, compression_type=compression)
    return [record.numpy() for record in dataset.take(count)]


def _agreement(one: Probabilities, other: Probabilities) -> float:
    return float(np.mean(one.argmax(axis=1) == other.argmax(axis=1)))


def _difference(one: Probabilities, other: Probabilities) -> float:
    return float(np.max(np.abs(one - other)))
