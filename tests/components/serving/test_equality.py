"""The same bytes get the same probabilities from predict, the server, evaluation and the Keras model."""

from __future__ import annotations

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.image_example_gen.worker import make_example
from components.model_evaluator.scoring import SignatureModel
from components.model_pusher.registry import Registry
from components.serving.engine import Engine
from components.serving.inputs import find_inputs
from components.serving.stream import predict_stream
from tests.components.serving.running import running_server
from trainer.export import export_saved_model
from trainer.image import Geometry, load_batch
from trainer.model_info import ModelInfo

PHOTOS = 100
CLASSES = ("a", "b", "c", "d")
GEOMETRY = Geometry(image_size=32, resize_size=36, aspect_ratio="crop")
STORED = 48
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")


def photo(seed: int) -> tuple[str, bytes]:
    """A structured image in one of six formats, of any size, JPEGs and TIFFs turned by EXIF."""
    draw = np.random.default_rng(seed)
    height, width = draw.integers(20, 160, 2)
    coarse = draw.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((int(width), int(height)), Image.Resampling.BICUBIC)
    kind = FORMATS[seed % len(FORMATS)]
    options = {}
    if kind in ("JPEG", "TIFF", "WEBP", "PNG"):
        exif = Image.Exif()
        exif[0x0112] = 1 + seed % 8
        options["exif"] = exif
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"{seed:03d}.{kind.lower()}", buffer.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A registry with a small convolutional network of random weights, which sees every pixel, and photos."""
    folder = tmp_path_factory.mktemp("equality")
    keras.utils.set_random_seed(1)
    layers = [
        keras.Input((32, 32, 3)),
        keras.layers.Rescaling(1 / 64, offset=-2),
        keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
        keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(len(CLASSES), activation="softmax"),
    ]
    model = keras.Sequential(layers)
    info = ModelInfo(
        class_names=CLASSES,
        image_size=32,
        resize_size=36,
        stored_size=STORED,
        model="random",
        alpha=1.0,
    )
    export_saved_model(model, GEOMETRY, info, str(folder / "model"))
    Registry(str(folder / "registry"), "random").push(str(folder / "model"), {})
    (folder / "photos").mkdir()
    photos = dict(photo(seed) for seed in range(PHOTOS))
    for name, data in photos.items():
        (folder / "photos" / name).write_bytes(data)
    return folder, model, photos


def example(name: str, data: bytes) -> bytes:
    """The serialized example that the ingest stores."""
    request = {"name": name, "class_name": "a", "label": 0, "columns": {}}
    settings = {
        "stored_size": STORED,
        "jpeg_quality": 90,
        "max_pixels": 10**8,
        "background": (255, 255, 255),
    }
    _, framed = make_example(request, data, settings)
    return framed[12:-4]


@pytest.mark.e2e
def test_bytes_to_probabilities_agree_everywhere(place):
    folder, model, photos = place
    serialized = [example(name, data) for name, data in photos.items()]
    evaluated = SignatureModel(str(folder / "model"))(serialized)
    assert evaluated.std(axis=0).min() > 0.02, "a model that does not look proves nothing"

    stored = [tf.train.Example.FromString(s).features.feature["image/encoded"] for s in serialized]
    pixels = load_batch(tf.constant([f.bytes_list.value[0] for f in stored]), GEOMETRY)
    by_keras = model(tf.cast(pixels, tf.float32), training=False).numpy()
    np.testing.assert_allclose(by_keras, evaluated, atol=1e-5)

    engine = Engine.load(str(folder / "registry"))
    results = list(predict_stream(engine, find_inputs([str(folder / "photos")]), top=4))
    assert [result.error for result in results] == [""] * PHOTOS
    predicted = [{a.class_name: a.probability for a in result.answers} for result in results]
    by_predict = np.array([[row[name] for name in CLASSES] for row in predicted])
    np.testing.assert_allclose(by_predict, evaluated, atol=1e-5)

    with running_server(str(folder / "registry"), max_images=PHOTOS) as server:
        status, answer = server.predict(*photos.values(), name="random")
        assert status == 200
        by_batch = np.array([row["probabilities"] for row in answer["predictions"]])
        by_raw = []
        for data in photos.values():
            _, one = server.request("POST", "/predict", data)
            row = {a["class"]: a["probability"] for a in one["answers"]}
            by_raw.append([row[name] for name in CLASSES])
    np.testing.assert_allclose(by_batch, evaluated, atol=1e-5)
    np.testing.assert_allclose(np.array(by_raw), evaluated, atol=1e-5)
