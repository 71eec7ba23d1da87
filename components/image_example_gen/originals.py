"""Which source files are plain enough to be stored as they are, and what an unknown file seems to be.

TensorFlow decodes what is stored, with decoders less forgiving than Pillow's: a 57-byte PNG that announces a huge
chunk keeps its decoder busy for seconds, and 16-bit, palette or transparent pixels would come out differently. Only
a JPEG or PNG whose structure holds no surprise is kept; everything else is re-encoded from Pillow's pixels.
"""

from __future__ import annotations

import functools
import io
import re
import struct

from PIL import Image, TiffImagePlugin

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_MAX_ANCILLARY = 1 << 16
_PLAIN_FRAMES = (0xC0, 0xC1, 0xC2)
_ALONE = (0x00, 0x01, *range(0xD0, 0xDA), 0xFF)
_SAMPLINGS = (0x11, 0x12, 0x21, 0x22)
# The next one after a scan's data, in which 0 and restart markers may follow a byte of 255.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_UNSENT = -1
_KNOWN = (
    (b"%PDF", "PDF"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"8BPS", "PSD"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML or SVG"),
    (b"qoif", "QOI"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"farbfeld", "farbfeld"),
    (b"DDS ", "DDS"),
    *(
        (f"P{digit}".encode() + space, "PNM")
        for digit in range(1, 8)
        for space in (b"\n", b" ", b"\r")
    ),
)
_TRUNCATED_SIGNATURES = (
    (b"\xff\xd8", "JPEG"),
    (_PNG_SIGNATURE, "PNG"),
    (b"RIFF", "WebP"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
)


def is_plain(data: bytes, image: Image.Image, source_format: str, *, turned: bool) -> bool:
    """True where the bytes decode to the same pixels everywhere and nothing in them costs more than the pixels.

    Args:
      data: the whole file.
      image: the same, decoded by Pillow.
      source_format: Pillow's name of the format.
      turned: whether an orientation has to be applied.
    """
    if turned or image.mode not in ("L", "RGB") or "transparency" in image.info:
        return False
    if source_format == "JPEG":
        return _is_plain_jpeg(data)
    return source_format == "PNG" and _is_plain_png(data)


def is_hardly_finer(image: Image.Image, quality: int) -> bool:
    """True for a JPEG quantised in steps of at least half of those of `quality`: encoding it again gains little."""
    tables = getattr(image, "quantization", None) or {}
    return len(tables) > 0 and 2 * sum(next(iter(tables.values()))) >= _table_sum(quality)


def explain_unidentified(data: bytes) -> tuple[str, str]:
    """Reason and detail for bytes that no supported decoder takes."""
    head = data[:16]
    if head[4:8] == b"ftyp":
        return "unsupported_format", f"an ISO media file, brand {head[8:12].decode('latin-1')!r}"
    for signature, name in _KNOWN:
        if head.startswith(signature):
            return "unsupported_format", f"looks like {name}"
    if _has_unknown_layout(data):
        return "unsupported_format", "a TIFF of a depth or layout of samples that is not supported"
    for signature, name in _TRUNCATED_SIGNATURES:
        if head.startswith(signature):
            return "corrupt", f"begins like {name}, but its header cannot be read"
    return "not_an_image", f"begins with {head[:8].hex(' ')}"


def _has_unknown_layout(data: bytes) -> bool:
    """Whether this is a whole TIFF, but of 10 bits a colour or the like."""
    try:
        TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    except SyntaxError as error:
        return str(error) == "unknown pixel mode"
    except Exception:
        return False
    return False


@functools.lru_cache(maxsize=128)
def _table_sum(quality: int) -> int:
    """Sum of the luminance table that Pillow writes at a quality."""
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "JPEG", quality=quality)
    return sum(Image.open(buffer).quantization[0])  # type: ignore[attr-defined]


def _is_plain_jpeg(data: bytes) -> bool:
    """Whether nothing in a JPEG is open to interpretation.

    Grey or YCbCr by numbers that all readers know, 8 bits, Huffman, markers in order, every coefficient sent in full,
    an end marker at the end. Decoders differ in what they make of anything else (tests compare with TensorFlow's).
    """
    if not data.endswith(b"\xff\xd9") or not data.startswith(b"\xff\xd8\xff"):
        return False
    position, marker, frame, scans = 2, 0, b"", list[bytes]()
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return False
        marker = data[position + 1]
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = data[position + 4 : position + 2 + length]
        position += 2 + length
        if marker in _ALONE or length < 2 or _is_adobe_rgb(marker, body):
            return False
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if frame or marker not in _PLAIN_FRAMES or not _is_plain_frame(body):
                return False
            frame = bytes([marker]) + body
        if marker == 0xDA:
            scans.append(body)
            following = _MARKER.search(data, position)
            position = following.start() if following else len(data)
            if position == len(data) - 2:
                return bool(frame) and _is_whole(frame, scans)
    return False


def _is_adobe_rgb(marker: int, body: bytes) -> bool:
    return marker == 0xEE and body.startswith(b"Adobe") and body[11:12] == b"\0"


def _is_plain_frame(body: bytes) -> bool:
    """8 bits; one component or 1, 2, 3, sampled at most twice as densely as each other."""
    components = [body[at : at + 3] for at in range(6, len(body), 3)]
    return (
        body[0] == 8
        and len(body) == 6 + 3 * body[5]
        and [component[0] for component in components] in ([1], [1, 2, 3])
        and all(component[1] in _SAMPLINGS for component in components)
    )


def _is_whole(frame: bytes, scans: list[bytes]) -> bool:
    """Whether the scans send every coefficient of every component, to its last bit (ITU T.81, G.1.1)."""
    everything = frame[7::3]
    if frame[0] != 0xC2:
        usual = bytes([len(everything)]), bytes([0, 63, 0])
        return len(scans) == 1 and (scans[0][:1], scans[0][-3:]) == usual
    bits_left = {component: [_UNSENT] * 64 for component in everything}
    for scan in scans:
        if len(scan) < 6:
            return False
        first, last, approximation = scan[-3:]
        before, after = approximation >> 4 or _UNSENT, approximation & 15
        for component in scan[1:-3:2]:
            known = bits_left.get(component, [])[first : last + 1]
            if any(bits != before for bits in known) or len(known) != last - first + 1:
                return False
            bits_left[component][first : last + 1] = [after] * len(known)
    return all(bits == [0] * 64 for bits in bits_left.values())


def _is_plain_png(data: bytes) -> bool:
    """Whole chunks in the file's bounds, nothing but small ones beside the pixels, 8 bits a channel."""
    position, ancillary, kind = len(_PNG_SIGNATURE), 0, b""
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if position + 12 + length > len(data):
            return False
        if kind == b"IHDR" and (length != 13 or data[position + 16] != 8):
            return False
        ancillary += 0 if kind in _PNG_CRITICAL else length
        position += 12 + length
        if kind == b"IEND":
            break
    return kind == b"IEND" and position == len(data) and ancillary <= _MAX_ANCILLARY
