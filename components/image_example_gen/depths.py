"""Which grey a 16-bit image calls white, where its camera had 10, 12 or 14 bits.

    white = white_level(image, data)      # 4095 for 12 bits in 16, 65535 where the file says nothing

Only what the file says of itself counts. Stretching each image to its own maximum would make night as bright as day,
so a file that says nothing keeps the full range, and the data gate calls it dark.
"""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

FULL = 0xFFFF
_BITS_PER_SAMPLE, _MAX_SAMPLE_VALUE, _S_MAX_SAMPLE_VALUE = 258, 281, 341
_DEPTHS = range(9, 16)
_PNG_START = 8
_PNG_CHUNK = struct.Struct(">I4s")
_CHUNKS_READ = 32


def white_level(image: Image.Image, data: bytes) -> int:
    """The value that means white in a loaded grey image of 9 to 16 bits: 2^bits - 1.

    Args:
      image: TIFF or PNG, loaded; any other has the full range.
      data: the file it came from.
    """
    if image.format == "TIFF":
        return _of_tiff(image)
    if image.format == "PNG":
        return _of_png(np.asarray(image), data)
    return FULL


def _of_tiff(image: Image.Image) -> int:
    """The depth of the samples, or the depth that a tag gives where the pixels keep to it.

    `MaxSampleValue` may also be the brightest value of that very image (TIFF 6.0, page 37): no depth, so only 2^n - 1
    is taken for one.
    """
    tags = getattr(image, "tag_v2", {})
    bits = _first(tags.get(_BITS_PER_SAMPLE))
    if isinstance(bits, int) and bits in _DEPTHS:
        return (1 << bits) - 1
    stated = {_first(tags.get(tag)) for tag in (_MAX_SAMPLE_VALUE, _S_MAX_SAMPLE_VALUE)}
    levels = [2**depth - 1 for depth in _DEPTHS if 2**depth - 1 in stated]
    return levels[0] if levels and int(np.asarray(image).max()) <= levels[0] else FULL


def _of_png(values: np.ndarray, data: bytes) -> int:  # type: ignore[type-arg]
    """The depth that the chunk sBIT gives, where the samples were left as the camera made them.

    The standard wants them scaled up to 16 bits (PNG, 12.4): then the low bits repeat the high ones, and the white
    level is the full one. Samples that fit the stated depth and yet use those low bits were not.
    """
    bits = _significant_bits(data)
    if bits not in _DEPTHS or int(values.max()) >= 2**bits:
        return FULL
    return 2**bits - 1 if (values % 2 ** (16 - bits)).any() else FULL


def _significant_bits(data: bytes) -> int:
    """What sBIT says of a grey PNG; 0 where there is none before the pixels."""
    at = _PNG_START
    for _ in range(_CHUNKS_READ):
        if at + _PNG_CHUNK.size >= len(data):
            break
        length, kind = _PNG_CHUNK.unpack_from(data, at)
        if kind == b"IDAT":
            break
        if kind == b"sBIT" and length == 1:
            return data[at + _PNG_CHUNK.size]
        at += length + 12
    return 0


def _first(value: object) -> object:
    """A tag's value for the first channel."""
    return value[0] if isinstance(value, tuple) and value else value
