"""TFLite files of a trained model, float and 8-bit, with its labels and facts inside.

    content = convert(model, image_size)                            # float32
    content = convert(model, image_size, eight_bit=True)            # 8-bit weights
    content = convert(model, image_size, eight_bit=True, calibration=images)    # and activations
    probabilities = predict(content, images)
    content = with_metadata(content, info)                          # labels.txt and imagemill.json inside

Input: pixels 0..255 of one image, [1, S, S, 3]; output: float32 probabilities [1, C].
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from trainer import tflite_metadata
from trainer.model_info import FILE_NAME, ModelInfo

LABELS_FILE = "labels.txt"


def convert(
    model: keras.Model,
    image_size: int,
    *,
    eight_bit: bool = False,
    calibration: NDArray[np.uint8] | None = None,
) -> bytes:
    """A TFLite flatbuffer.

    Args:
      model: float32 images [B, S, S, 3] in 0..255 to probabilities [B, C].
      image_size: S.
      eight_bit: 8-bit weights; activations are quantised at run time unless calibrated.
      calibration: uint8 [N, S, S, 3] of training images that fix the activations' ranges.
    """
    converter = tf.lite.TFLiteConverter.from_concrete_functions([_frozen(model, image_size)])
    if eight_bit:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if eight_bit and calibration is not None:
        converter.representative_dataset = _one_by_one(calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
    return bytes(converter.convert())


def predict(content: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probabilities, float32 [N, C], of uint8 images [N, S, S, 3]."""
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    answers = []
    for image in images:
        interpreter.set_tensor(source["index"], image[None].astype(source["dtype"]))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(target["index"])[0].copy())
    return np.asarray(answers, np.float32)


def with_metadata(content: bytes, info: ModelInfo) -> bytes:
    """The same model with TFLite's metadata, and with labels and facts as files of a zip archive behind the flatbuffer.

    Interpreters do not look behind the flatbuffer's end, while any zip reader finds an archive at the end of a file:
    this is where TFLite's metadata expects the files that it names.
    """
    content = tflite_metadata.with_entry(
        content,
        labels_file=LABELS_FILE,
        side=info.image_size,
        name=info.name,
        version=info.data_version,
    )
    packed = io.BytesIO(content)
    packed.seek(0, io.SEEK_END)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_STORED) as archive:
        for name, text in (
            (LABELS_FILE, "\n".join(info.class_names) + "\n"),
            (FILE_NAME, info.model_dump_json()),
        ):
            archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


def read_metadata(content: bytes) -> ModelInfo:
    """The facts that `with_metadata` put in.

    Raises:
      zipfile.BadZipFile: there are none.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return ModelInfo.model_validate_json(archive.read(FILE_NAME))


def _frozen(model: keras.Model, image_size: int) -> Any:
    """The model as one function without variables.

    With variables left in, TensorFlow 2.16's converter ends the whole process on a Keras 3 model.
    """
    spec = tf.TensorSpec([1, image_size, image_size, 3], tf.float32, name="images")
    function = tf.function(lambda images: model(images, training=False))
    return convert_variables_to_constants_v2(function.get_concrete_function(spec))


def _one_by_one(
    images: NDArray[np.uint8],
) -> Callable[[], Iterator[list[NDArray[np.float32]]]]:
    def examples() -> Iterator[list[NDArray[np.float32]]]:
        for image in images:
            yield [image[None].astype(np.float32)]

    return examples
