"""A tf.Example without TensorFlow: the few lines of protocol buffer that it takes.

    encode_example({"image/width": [640], "stat/brightness": [118.2], "image/path": [b"cats/1.jpg"]})

Decoders run in processes that start in a fraction of a second because nothing heavier than Pillow and NumPy is
imported there. Keys are written in sorted order, so equal features give equal bytes (tests compare with TensorFlow's
own serialization).
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping, Sequence

Feature = Sequence[int] | Sequence[float] | Sequence[bytes]

_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = b"\x0a", b"\x12", b"\x1a"
_FIELD_1 = b"\x0a"
_FIELD_2 = b"\x12"


def encode_example(features: Mapping[str, Feature]) -> bytes:
    """Serializes a tf.train.Example.

    Args:
      features: by name, each a sequence of one type: int (int64), float (float32) or bytes; never empty.

    Raises:
      TypeError: a value is of another type.
    """
    entries = [
        _field(_FIELD_1, _key(name) + _field(_FIELD_2, _feature(features[name])))
        for name in sorted(features)
    ]
    return _field(_FIELD_1, b"".join(entries))


@functools.lru_cache(maxsize=256)
def _key(name: str) -> bytes:
    return _field(_FIELD_1, name.encode())


def _feature(values: Feature) -> bytes:
    first = values[0]
    if isinstance(first, bytes):
        body = b"".join([_field(_FIELD_1, value) for value in values])  # type: ignore[arg-type]
        return _field(_BYTES_LIST, body)
    if isinstance(first, float):
        packed = struct.pack(f"<{len(values)}f", *values)
        return _field(_FLOAT_LIST, _field(_FIELD_1, packed))
    if isinstance(first, int):
        packed = b"".join([_varint(value & (1 << 64) - 1) for value in values])  # type: ignore[operator]
        return _field(_INT64_LIST, _field(_FIELD_1, packed))
    raise TypeError(f"a feature holds int, float or bytes, got {type(first).__name__}")


def _field(tag: bytes, body: bytes) -> bytes:
    """A length-delimited field."""
    return tag + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes([value])
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
