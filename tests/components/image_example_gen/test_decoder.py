from __future__ import annotations

import contextlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from components.image_example_gen.decoder import DecodeError, Limits, decode, prepare
from tests.components.image_example_gen.images import encode, picture

ROW = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3) * 3


def reason_of(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(DecodeError) as caught:
        decode(data, limits)
    return caught.value.reason


def turned(upright: Image.Image, orientation: int) -> Image.Image:
    """The pixels as a camera stores them that then says `orientation`."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)
    return upright if undo is None else upright.transpose(Image.Transpose(undo))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_gives_the_same_upright_pixels(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(turned(Image.fromarray(ROW), orientation), kind, exif=exif, **options)
    np.testing.assert_array_equal(np.asarray(decode(data)), ROW)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_stored_images_are_upright_and_carry_no_orientation(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = picture(1, 64).resize((96, 64))
    data = encode(turned(upright, orientation), "PNG", exif=exif)
    stored = prepare(data, stored_size=32)
    again = Image.open(io.BytesIO(stored.encoded))
    assert (stored.width, stored.height) == again.size == (48, 32)
    assert (stored.source_width, stored.source_height) == (96, 64)
    assert again.getexif().get(0x0112, 1) == 1
    np.testing.assert_array_equal(
        np.asarray(stored.image), np.asarray(prepare(encode(upright, "PNG"), stored_size=32).image)
    )


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_gradient_stays_monotone_and_reaches_both_ends(kind: str) -> None:
    gradient = np.linspace(0, 65535, 1024).astype(np.uint16).reshape(1, -1).repeat(2, axis=0)
    grey = np.asarray(decode(encode(Image.fromarray(gradient), kind)))[0, :, 0].astype(int)
    assert (np.diff(grey) >= 0).all()
    assert (grey[0], grey[-1], len(set(grey))) == (0, 255, 256)


def test_floats_from_zero_to_one_are_scaled() -> None:
    data = encode(Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32)), "TIFF")
    assert np.asarray(decode(data))[0, :, 0].tolist() == [0, 128, 255]


def test_transparent_pixels_show_the_background() -> None:
    rgba = Image.new("RGBA", (2, 1), (200, 10, 10, 0))
    rgba.putpixel((1, 0), (200, 10, 10, 255))
    pixels = np.asarray(decode(encode(rgba, "PNG"), Limits(background=(1, 2, 3))))
    assert pixels.tolist() == [[[1, 2, 3], [200, 10, 10]]]


def test_palette_transparency_shows_the_background() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([9, 9, 9, 50, 60, 70])
    palette.putpixel((1, 0), 1)
    pixels = np.asarray(decode(encode(palette, "PNG", transparency=0)))
    assert pixels.tolist() == [[[255, 255, 255], [50, 60, 70]]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16", "F"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    base = picture(2, 16)
    image = Image.fromarray(np.zeros((16, 16), np.uint16)) if mode == "I;16" else None
    image = image or (base.convert("L").convert("F") if mode == "F" else None)
    if image is None:
        image = Image.merge("LAB", base.split()) if mode == "LAB" else base.convert(mode)
    decoded = decode(encode(image, "TIFF"))
    assert (decoded.mode, decoded.size) == ("RGB", (16, 16))


def test_cmyk_jpeg_keeps_its_colours() -> None:
    red = Image.new("RGB", (16, 16), (220, 30, 30)).convert("CMYK")
    pixel = np.asarray(decode(encode(red, "JPEG", quality=95)))[8, 8].astype(int)
    assert np.abs(pixel - [220, 30, 30]).max() < 12


def test_the_content_decides_and_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert decode(buffer.getvalue()).getpixel((4, 4)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"),
        (b"hello, world", "not_an_image"),
        (b"%PDF-1.7 and so on", "unsupported_format"),
        (b"\x00\x00\x00\x18ftypheic0000", "unsupported_format"),
        (b"\x89PNG\r\n\x1a\n", "corrupt"),
        (b"\xff\xd8\xff\xe0junk", "corrupt"),
    ],
)
def test_what_is_no_image_says_why(data: bytes, reason: str) -> None:
    assert reason_of(data) == reason


def png_chunk(kind: bytes, body: bytes, length: int | None = None) -> bytes:
    claimed = len(body) if length is None else length
    return struct.pack(">I", claimed) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_the_header_is_checked_before_any_pixel_is_decoded() -> None:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b"")
    assert reason_of(bomb, Limits(max_pixels=10**8)) == "too_many_pixels"


def test_a_tiny_png_with_a_huge_chunk_is_refused() -> None:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    hostile = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b"\0" * 12, length=0x7FFFFFF0)
    assert len(hostile) == 57
    assert reason_of(hostile) in ("corrupt", "truncated")


FILES = {
    kind: encode(picture(3, 40), kind, **options)
    for kind, options in [
        ("JPEG", {}),
        ("PNG", {}),
        ("WEBP", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ]
}


@pytest.mark.parametrize("kind", sorted(FILES))
def test_truncated_files_decode_or_say_why_at_every_length(kind: str) -> None:
    data = FILES[kind]
    for length in range(0, len(data), max(1, len(data) // 150)):
        with contextlib.suppress(DecodeError):
            decode(data[:length])
    with pytest.raises(DecodeError):
        decode(data[: len(data) // 2])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_damaged_files_never_raise_anything_else(kind: str, data: st.DataObject) -> None:
    content = bytearray(FILES[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DecodeError):
        prepare(bytes(content), stored_size=16, limits=Limits(max_pixels=10**6))


def test_small_images_keep_their_size_and_large_ones_shrink_to_the_shorter_side() -> None:
    small = prepare(encode(picture(4, 40), "PNG"), stored_size=64)
    large = prepare(encode(picture(4, 200).resize((300, 200)), "JPEG"), stored_size=64)
    assert (small.width, small.height) == (40, 40)
    assert (large.width, large.height) == (96, 64)


def test_the_original_is_kept_where_encoding_again_gains_nothing() -> None:
    data = encode(picture(5, 64), "JPEG", quality=60)
    stored = prepare(data, stored_size=64, jpeg_quality=90)
    assert (stored.encoded, stored.format) == (data, "JPEG")


def test_a_wasteful_original_is_encoded_again() -> None:
    noisy = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    data = encode(noisy, "PNG")
    stored = prepare(data, stored_size=64, jpeg_quality=80)
    assert stored.format == "JPEG"
    assert len(stored.encoded) < len(data)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_plain_jpegs_of_every_kind_are_kept(options: dict[str, Any]) -> None:
    data = encode(picture(5, 64), "JPEG", quality=85, **options)
    assert prepare(data, stored_size=64).encoded is data


def test_a_jpeg_that_leaves_something_open_is_not_kept() -> None:
    whole = encode(picture(5, 64), "JPEG", quality=85, progressive=True)
    last_scan = whole.rindex(b"\xff\xda")
    for data in (
        whole[:last_scan] + b"\xff\xd9",
        whole[:-2] + b"\xff\xfe\x00\x02" + whole[-2:],
        whole + b"\xff\xd9",
        encode(picture(5, 64), "JPEG", quality=85, keep_rgb=True),
    ):
        assert prepare(data, stored_size=64).encoded is not data


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "1"])
def test_what_tensorflow_would_decode_otherwise_is_never_kept(mode: str) -> None:
    data = encode(Image.new("RGB", (4, 4), (9, 200, 9)).convert(mode), "PNG")
    assert prepare(data, stored_size=64).format == "JPEG"


def test_a_sliver_of_a_panorama_is_stored_within_bounds() -> None:
    stored = prepare(encode(Image.new("L", (40_000, 2)), "PNG"), stored_size=64)
    assert (stored.width, stored.height) == (16_384, 1)
