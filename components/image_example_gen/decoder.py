"""THE decoder: encoded bytes of any supported format to upright RGB, or a reason why not.

    image = decode(data, Limits(max_pixels=50_000_000))      # PIL RGB, upright, opaque
    stored = prepare(data, stored_size=256)                  # what is kept, and what a model is sent
    stored.encoded, stored.format, stored.height, stored.width

Ingest, `predict` and serving call the same functions, so a model never meets pixels made another way. The content
decides what a file is, never its name. What a decoder in C does once it has started cannot be bounded from here:
`components.image_example_gen.sandbox` runs this in a process with limits on time and memory.
"""

from __future__ import annotations

import dataclasses
import io

from PIL import Image, ImageFile, UnidentifiedImageError

from components.image_example_gen import depths, originals, tones

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MAX_GROWTH = 4
# JPEG ends at 65,535; a panorama of one pixel's height is no reason to come near it.
_MAX_SIDE = 16_384


class DecodeError(Exception):
    """An image that cannot be decoded.

    Args:
      reason: a key of `dead_letter.REASONS`.
      detail: what exactly happened.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = " ".join(detail.split())[:300]

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


@dataclasses.dataclass(frozen=True)
class Limits:
    """What `decode` accepts.

    Attributes:
      max_pixels: width times height by the header, above which nothing is decoded.
      background: RGB, 0 to 255, under transparent pixels.
    """

    max_pixels: int = 100_000_000
    background: tuple[int, int, int] = (255, 255, 255)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """An image as it is stored.

    Attributes:
      encoded: JPEG or PNG bytes, upright, without transparency.
      format: "JPEG" or "PNG".
      height: pixels.
      width: pixels.
      image: the pixels behind `encoded` before re-encoding, mode RGB.
      source_height: pixels of the source, upright.
      source_width: pixels of the source, upright.
      source_format: Pillow's name of the source's format.
    """

    encoded: bytes
    format: str
    height: int
    width: int
    image: Image.Image
    source_height: int
    source_width: int
    source_format: str


def decode(data: bytes, limits: Limits | None = None) -> Image.Image:
    """Decodes an image: first frame, EXIF orientation applied, mode RGB, transparency over the background.

    16-bit and floating-point greys are scaled to 8 bits, not cut off (`tones`).

    Raises:
      DecodeError: with the reason why not.
    """
    limits = limits or Limits()
    return _upright(_load(_open(data, limits), None), data, limits)


def prepare(
    data: bytes, *, stored_size: int, jpeg_quality: int = 90, limits: Limits | None = None
) -> Prepared:
    """Decodes an image and makes what is stored of it.

    The shorter side comes down to `stored_size` where it is longer (never up), the longer one to 16,384. The result
    is re-encoded as JPEG. A source that is itself a plain upright JPEG or PNG keeps its bytes instead where re-encoding
    would not shrink them, or where nothing is scaled and the JPEG's steps are at least half of those of
    `jpeg_quality` (95 where that is 90): a third of a small file is not worth another generation's loss.

    Args:
      data: the content of the file.
      stored_size: shorter side in pixels, at least 1.
      jpeg_quality: 1 to 100.
      limits: what is accepted.

    Raises:
      DecodeError: with the reason why not.
    """
    limits = limits or Limits()
    opened = _open(data, limits)
    source_size, source_format = opened.size, opened.format or ""
    loaded = _load(opened, stored_size)
    keepable = originals.is_plain(data, loaded, source_format, turned=_orientation(loaded) != 1)
    image = _shrunk(_upright(loaded, data, limits), stored_size)
    if _orientation(loaded) >= 5:
        source_size = source_size[::-1]
    encoded = _encoded(data if keepable else None, image, loaded, source_size, jpeg_quality)
    width, height = source_size if encoded is data else image.size
    stored_format = source_format if encoded is data else "JPEG"
    return Prepared(encoded, stored_format, height, width, image, *source_size[::-1], source_format)


def _open(data: bytes, limits: Limits) -> ImageFile.ImageFile:
    if not data:
        raise DecodeError("empty_file", "the file has no bytes")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise DecodeError(*originals.explain_unidentified(data)) from None
    except Image.DecompressionBombError as error:
        raise DecodeError("too_many_pixels", _describe(error)) from None
    except MemoryError:
        raise DecodeError("memory_limit", "reading the header needed too much memory") from None
    except Exception as error:
        raise DecodeError("corrupt", _describe(error)) from None
    width, height = image.size
    if width * height > limits.max_pixels:
        raise DecodeError(
            "too_many_pixels", f"{width} x {height} pixels, more than {limits.max_pixels}"
        )
    if not width or not height:
        raise DecodeError("corrupt", f"{width} x {height} pixels")
    return image


def _load(image: ImageFile.ImageFile, wanted: int | None) -> Image.Image:
    """Decodes the first frame; a JPEG at a reduced scale where `wanted` pixels on the shorter side are enough."""
    try:
        if wanted is not None and min(image.size) > wanted:
            scale = wanted / min(image.size)
            image.draft(None, (round(image.width * scale), round(image.height * scale)))  # type: ignore[arg-type]
        image.load()
    except MemoryError:
        raise DecodeError("memory_limit", "decoding needed too much memory") from None
    except Exception as error:
        detail = _describe(error)
        raise DecodeError(
            "truncated" if "truncated" in detail.lower() else "corrupt", detail
        ) from None
    return image


def _upright(image: Image.Image, data: bytes, limits: Limits) -> Image.Image:
    try:
        turn = _TURNS.get(_orientation(image))
        white = depths.white_level(image, data) if image.mode.startswith("I") else depths.FULL
        flat = tones.to_rgb(image, limits.background, white)
        return flat.transpose(turn) if turn is not None else flat
    except MemoryError:
        raise DecodeError("memory_limit", "converting to RGB needed too much memory") from None
    except Exception as error:
        raise DecodeError("corrupt", _describe(error)) from None


def _orientation(image: Image.Image) -> int:
    """EXIF orientation from 1 to 8; 1 where there is none or it cannot be read."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def _shrunk(image: Image.Image, stored_size: int) -> Image.Image:
    scale = min(1.0, stored_size / min(image.size), _MAX_SIDE / max(image.size))
    if scale == 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)


def _encoded(
    source: bytes | None,
    image: Image.Image,
    loaded: Image.Image,
    source_size: tuple[int, int],
    quality: int,
) -> bytes:
    """The source's bytes where they may be kept and little is gained by re-encoding, else a JPEG."""
    width, height = source_size
    if source is not None and width * height <= _MAX_GROWTH * image.width * image.height:
        if source_size == image.size and originals.is_hardly_finer(loaded, quality):
            return source
        encoded = _jpeg(image, quality)
        return encoded if len(encoded) < len(source) else source
    return _jpeg(image, quality)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
