"""12 bits in 16: scaled by what the file says of itself, never by what its pixels happen to be."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from components.image_example_gen.decoder import DecodeError, decode
from tests.components.image_example_gen.images import encode

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
MAX_SAMPLE_VALUE, S_MAX_SAMPLE_VALUE = 281, 341


def _greys(data: bytes) -> tuple[int, int, int]:
    pixels = np.asarray(decode(data))[..., 0].astype(int)
    return int(pixels.min()), int(pixels.max()), len(np.unique(pixels))


def _tiff(values: np.ndarray, **tags: int) -> bytes:
    numbers = {"most": MAX_SAMPLE_VALUE, "s_most": S_MAX_SAMPLE_VALUE}
    return encode(
        Image.fromarray(values), "TIFF", tiffinfo={numbers[name]: v for name, v in tags.items()}
    )


def _png(values: np.ndarray, bits: int) -> bytes:
    data = encode(Image.fromarray(values), "PNG")
    header = 8 + 25
    body = b"sBIT" + bytes([bits])
    chunk = struct.pack(">I", 1) + body + struct.pack(">I", zlib.crc32(body))
    return data[:header] + chunk + data[header:]


@pytest.mark.parametrize("tag", ["most", "s_most"])
def test_a_tiff_that_states_its_depth_is_scaled_by_it(tag: str) -> None:
    assert _greys(_tiff(RAMP, **{tag: 4095})) == (0, 255, 256)
    assert _greys(_tiff(RAMP // 4, **{tag: 1023})) == (0, 255, 256)


def test_the_brightest_value_of_an_image_is_no_depth() -> None:
    assert _greys(_tiff(RAMP, most=4000)) == _greys(_tiff(RAMP)) == (0, 16, 17)
    assert _greys(_tiff(RAMP * 16, most=4095)) == (0, 255, 256)


def _raw_tiff(bits: int, pixels: bytes) -> bytes:
    """A TIFF of 64 x 64 greys, which Pillow cannot write at this depth."""
    entries = [(256, 64), (257, 64), (258, bits), (259, 1), (262, 1), (273, 134), (277, 1)]
    entries += [(278, 64), (279, len(pixels)), (339, 1)]
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    head = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(entries)) + tags + b"\0" * 4
    assert len(head) == 134
    return head + pixels


def test_a_tiff_of_twelve_bits_a_sample_is_scaled_by_them() -> None:
    pairs = RAMP.reshape(-1, 2).astype(int)
    packed = np.stack(
        [pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], 1
    )
    assert _greys(_raw_tiff(12, packed.astype(np.uint8).tobytes())) == (0, 255, 256)


def test_a_tiff_of_unknown_depth_is_unsupported_not_corrupt() -> None:
    with pytest.raises(DecodeError, match="unsupported_format: a TIFF of a depth"):
        decode(_raw_tiff(10, bytes(64 * 80)))


def test_a_png_whose_samples_were_left_at_twelve_bits_is_scaled_by_them() -> None:
    assert _greys(_png(RAMP, 12)) == (0, 255, 256)
    assert _greys(encode(Image.fromarray(RAMP), "PNG")) == (0, 16, 17)


def test_a_png_scaled_up_as_the_standard_asks_has_the_full_range() -> None:
    dark = RAMP // 256 * 16
    assert _greys(_png(RAMP * 16, 12)) == (0, 255, 256)
    assert _greys(_png(dark.astype(np.uint16), 12)) == (0, 1, 2)
