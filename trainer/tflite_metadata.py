"""TFLite's own metadata, so that standard tools (TFLite Support, Task Library, MediaPipe) read labels and input range.

    content = with_entry(content, labels_file="labels.txt", side=160, name="scenes", version="3f2a")

The entry `TFLITE_METADATA` of a model is itself a small flatbuffer, written here field by field after TensorFlow's
metadata_schema.fbs (numbers are the fields' positions there): tflite-support, the library that writes it, has no
release for this Python. The label file is named here and lies in the zip archive behind the model.
"""

from __future__ import annotations

from collections.abc import Sequence

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

_NAME, _IDENTIFIER = b"TFLITE_METADATA", b"M001"
_PARSER_VERSION = "1.3.0"
_TENSOR_AXIS_LABELS, _IMAGE_PROPERTIES, _NORMALIZATION, _RGB = 2, 2, 1, 1


def with_entry(content: bytes, *, labels_file: str, side: int, name: str, version: str) -> bytes:
    """The same model with a metadata entry.

    Args:
      content: a TFLite flatbuffer that takes pixels in 0..255, RGB, and gives a probability per class.
      labels_file: name in the archive of the file with a class name a line.
      side: of the square images that it takes, in pixels.
      name, version: of the model.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    buffer = schema.BufferT()
    buffer.data = list(_metadata(labels_file, side, name, version))
    entry = schema.MetadataT()
    entry.name, entry.buffer = _NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _metadata(labels_file: str, side: int, name: str, version: str) -> bytes:
    builder = flatbuffers.Builder(1024)
    image = _input(builder, side)
    scores = _output(builder, labels_file)
    subgraph = _table(
        builder, 7, {2: _offsets(builder, [image]), 3: _offsets(builder, [scores])}, {}
    )
    fields = {
        0: builder.CreateString(name),
        2: builder.CreateString(version),
        3: _offsets(builder, [subgraph]),
        7: builder.CreateString(_PARSER_VERSION),
    }
    builder.Finish(_table(builder, 8, fields, {}), _IDENTIFIER)
    return bytes(builder.Output())


def _input(builder: flatbuffers.Builder, side: int) -> int:
    """RGB pixels as they are: mean 0 and deviation 1."""
    size = _table(builder, 2, {}, {0: side, 1: side})
    image = _table(builder, 2, {1: size}, {}, {0: _RGB})
    content = _table(builder, 3, {1: image}, {}, {0: _IMAGE_PROPERTIES})
    normalization = _table(builder, 2, {0: _floats(builder, [0.0]), 1: _floats(builder, [1.0])}, {})
    unit = _table(builder, 2, {1: normalization}, {}, {0: _NORMALIZATION})
    stats = _table(builder, 2, {0: _floats(builder, [255.0]), 1: _floats(builder, [0.0])}, {})
    fields = {
        0: builder.CreateString("image"),
        1: builder.CreateString("RGB pixels, 0 to 255"),
        3: content,
        4: _offsets(builder, [unit]),
        5: stats,
    }
    return _table(builder, 7, fields, {})


def _output(builder: flatbuffers.Builder, labels_file: str) -> int:
    labels = _table(
        builder,
        5,
        {0: builder.CreateString(labels_file), 1: builder.CreateString("class names")},
        {},
        {2: _TENSOR_AXIS_LABELS},
    )
    stats = _table(builder, 2, {0: _floats(builder, [1.0]), 1: _floats(builder, [0.0])}, {})
    fields = {
        0: builder.CreateString("probability"),
        1: builder.CreateString("probability of each class"),
        5: stats,
        6: _offsets(builder, [labels]),
    }
    return _table(builder, 7, fields, {})


def _table(
    builder: flatbuffers.Builder,
    size: int,
    offsets: dict[int, int],
    numbers: dict[int, int],
    small: dict[int, int] | None = None,
) -> int:
    """A table of `size` fields: offsets of what was written before, 32-bit numbers, and 8-bit numbers."""
    builder.StartObject(size)
    for field, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    for field, number in numbers.items():
        builder.PrependUint32Slot(field, number, 0)
    for field, number in (small or {}).items():
        builder.PrependUint8Slot(field, number, 0)
    return int(builder.EndObject())


def _offsets(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: flatbuffers.Builder, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())
