from __future__ import annotations

import keras
import numpy as np
import pytest
from tensorflow.lite.tools import flatbuffer_utils

from trainer import tflite
from trainer.config import ExportConfig
from trainer.formats import Comparison, _too_far
from trainer.model_info import ModelInfo


def _found(difference: float, disagreement: float) -> Comparison:
    return Comparison(
        images=100,
        size_bytes=1,
        largest_difference=difference,
        disagreement=disagreement,
        accuracy=0.9,
        keras_accuracy=0.9,
    )


@pytest.mark.parametrize(
    ("name", "difference", "disagreement", "part"),
    [
        ("model.keras", 0.0005, 0.0, ""),
        ("model.tflite", 0.002, 0.0, "max_probability_difference` allows 0.001"),
        ("model_int8.tflite", 0.3, 0.04, ""),
        ("model_int8.tflite", 0.3, 0.06, "max_int8_disagreement` allows 0.05"),
    ],
)
def test_a_file_beyond_its_bound_is_refused_with_the_figures(
    name: str, difference: float, disagreement: float, part: str
) -> None:
    reason = _too_far(name, _found(difference, disagreement), ExportConfig())
    assert part in reason
    assert bool(reason) == bool(part)


def test_a_tflite_file_names_its_labels_as_tflites_tools_expect_and_answers_as_before() -> None:
    inputs = keras.Input([8, 8, 3])
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(pooled))
    bare = tflite.convert(model, 8)
    info = ModelInfo(
        class_names=("a", "b", "c"),
        image_size=8,
        resize_size=8,
        stored_size=8,
        model="tiny",
        alpha=1.0,
        name="letters",
    )
    labelled = tflite.with_metadata(bare, info)
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(tflite.predict(labelled, images), tflite.predict(bare, images))
    assert tflite.read_metadata(labelled) == info

    packed = flatbuffer_utils.convert_bytearray_to_object(bytearray(labelled))
    entry = next(one for one in packed.metadata if one.name == b"TFLITE_METADATA")
    content = bytes(packed.buffers[entry.buffer].data)
    assert content[4:8] == b"M001"
    for text in (b"letters", b"labels.txt", b"probability"):
        assert text in content
