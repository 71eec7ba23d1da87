"""Reads back what `components.image_example_gen.example` writes, without TensorFlow.

read_example(record)["stat/brightness"]     # [118.2]
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

Values = list[bytes] | list[float] | list[int]

_LENGTH_DELIMITED = 2
_FRAME_HEAD, _FRAME_TAIL = 12, 4


def unframe(framed: bytes) -> bytes:
    """The record inside one TFRecord frame; its checksums are not looked at."""
    return framed[_FRAME_HEAD:-_FRAME_TAIL]


def read_example(
    record: bytes, wanted: Callable[[str], bool] = lambda _: True
) -> dict[str, Values]:
    """The features of a serialized tf.train.Example whose name is wanted.

    Raises:
      ValueError: the bytes are no such message.
    """
    found: dict[str, Values] = {}
    for features in _fields(memoryview(record)):
        for entry in _fields(features[1]):
            parts = dict(_fields(entry[1]))
            name = bytes(parts[1]).decode()
            if wanted(name):
                found[name] = _values(parts[2])
    return found


def _values(feature: memoryview) -> Values:
    for kind, values in _fields(feature):
        if kind == 1:
            return [bytes(value) for _, value in _fields(values)]
        packed = [value for _, value in _fields(values)]
        if kind == 2:
            return [number for part in packed for (number,) in struct.iter_unpack("<f", part)]
        return [_signed(number) for part in packed for number in _varints(part)]
    return []


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of each length-delimited field."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        length, at = _varint(message, at)
        if tag & 7 != _LENGTH_DELIMITED or at + length > len(message):
            raise ValueError(f"not a tf.train.Example: tag {tag} at byte {at}")
        yield tag >> 3, message[at : at + length]
        at += length


def _varints(packed: memoryview) -> Iterator[int]:
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("not a tf.train.Example: it ends in the middle of a number")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
