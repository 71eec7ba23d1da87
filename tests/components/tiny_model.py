"""A model small enough to reason about: it tells red, green and blue images apart by their mean colour.

Exported with the trainer's own exporter, so it honours the contract of a real one.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from trainer.features import (
    CLASS_NAME,
    FORMAT,
    HEIGHT,
    IMAGE,
    LABEL,
    PATH,
    STAT_PREFIX,
    WIDTH,
    DatasetInfo,
)

COLOURS = ("blue", "green", "red")
_CHANNEL = {"red": 0, "green": 1, "blue": 2}


def colour_image(
    name: str, seed: int = 0, size: tuple[int, int] = (24, 20), noise: float = 0.3
) -> Image.Image:
    """A noisy image in which one channel is stronger."""
    draw = np.random.default_rng(seed)
    pixels = draw.uniform(0, noise, (*size, 3))
    pixels[..., _CHANNEL[name]] += draw.uniform(0.2, 0.7)
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def encode(image: Image.Image, kind: str = "PNG") -> bytes:
    """Encoded bytes of an image."""
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def export_model(
    folder: Path,
    *,
    scale: float = 20.0,
    answers: dict[str, str] | None = None,
    classes: tuple[str, ...] = COLOURS,
    formats: bool = False,
) -> str:
    """Exports the colour model.

    Args:
      folder: where to.
      scale: how sure it is; 20 is about right, 0.5 far too unsure.
      answers: what to answer instead of the right colour, by right colour.
      classes: classes that it knows.
      formats: also write the Keras and TFLite files that training writes beside it.
    """
    import keras

    from trainer.export import export_saved_model
    from trainer.image import Geometry
    from trainer.model_info import ModelInfo

    inputs = keras.Input((16, 16, 3))
    means = keras.layers.GlobalAveragePooling2D()(inputs)
    dense = keras.layers.Dense(len(classes), activation="softmax")
    model = keras.Model(inputs, dense(means))
    weights = np.zeros((3, len(classes)), np.float32)
    for colour, channel in _CHANNEL.items():
        said = (answers or {}).get(colour, colour)
        if said in classes:
            weights[channel, classes.index(said)] += scale / 255
    dense.set_weights([weights, np.zeros(len(classes), np.float32)])
    info = ModelInfo(
        class_names=classes,
        image_size=16,
        resize_size=16,
        stored_size=32,
        model="colours",
        alpha=1.0,
        name="colours",
    )
    geometry = Geometry(image_size=16, resize_size=16, aspect_ratio="stretch")
    export_saved_model(model, geometry, info, str(folder))
    if formats:
        from trainer import tflite

        extra = folder / "assets.extra"
        model.save(extra / "model.keras")
        (extra / "model.tflite").write_bytes(tflite.convert(model, 16))
        (extra / "model_int8.tflite").write_bytes(tflite.convert(model, 16, eight_bit=True))
    return str(folder)


def serialized_example(name: str, seed: int, *, noise: float = 0.3, column: str = "") -> bytes:
    """One example as ingest would write it."""
    import tensorflow as tf

    image = colour_image(name, seed, noise=noise)

    def text(value: str) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))

    def number(value: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    brightness = float(np.asarray(image.convert("L")).mean())
    features = {
        IMAGE: tf.train.Feature(bytes_list=tf.train.BytesList(value=[encode(image)])),
        FORMAT: text("PNG"),
        HEIGHT: number(image.height),
        WIDTH: number(image.width),
        LABEL: number(COLOURS.index(name)),
        CLASS_NAME: text(name),
        PATH: text(f"{name}/{seed}.png"),
        f"{STAT_PREFIX}brightness": tf.train.Feature(
            float_list=tf.train.FloatList(value=[brightness])
        ),
        "column/site": text(column or ("north" if seed % 2 else "south")),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return bytes(example.SerializeToString())


def write_examples(folder: Path, per_class: int = 20, noise: float = 0.3) -> DatasetInfo:
    """An Examples artifact with a test split of `per_class` images of each colour."""
    import tensorflow as tf

    split = folder / "Split-test"
    split.mkdir(parents=True)
    path = str(split / "data_tfrecord-00000-of-00001.gz")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for index, name in enumerate(COLOURS):
            for number in range(per_class):
                writer.write(serialized_example(name, 1000 * index + number, noise=noise))
    info = DatasetInfo(
        class_names=COLOURS,
        counts={"test": dict.fromkeys(COLOURS, per_class)},
        data_version="d1",
        stored_size=32,
    )
    (folder / "dataset.json").write_text(info.model_dump_json())
    return info
