"""TFRecord framing and the gzip stream that makes equal records equal bytes.

with create_whole(path) as stream, RecordWriter(stream) as writer:
    writer.write(record)
"""

from __future__ import annotations

import struct
import zlib
from types import TracebackType
from typing import IO

import google_crc32c

FRAME_BYTES = 16
_MASK_DELTA = 0xA282EAD8
# Deflate, no flags, no time, no extra flags, unknown system (RFC 1952).
_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_MAX_BLOCK = 0xFFFF


def frame(record: bytes) -> bytes:
    """One record as a TFRecord file holds it: length, its checksum, data, its checksum."""
    length = struct.pack("<Q", len(record))
    return b"".join((length, _checksum(length), record, _checksum(record)))


class RecordWriter:
    """Writes TFRecords in a gzip stream; equal records in equal order give equal bytes, on every machine.

    Images are compressed already: deflating a record of 15 KB again saves 6% (nothing of larger ones) and costs twice
    the CPU time of decoding it, here and a little in every later step that reads it. So the stream consists of gzip's
    stored blocks, which any reader of gzip takes. They are written here because their sizes are zlib's own business:
    `zlib.compressobj(level=0, wbits=31)` cuts the same records into other blocks under zlib-ng 2.3 than under zlib 1.2
    and 1.3 (and by the size of its output buffer, which is Python's). The header holds no time and no name.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._crc = 0
        self._size = 0
        stream.write(_GZIP_HEADER)

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._block(b"", last=True)
            self._stream.write(struct.pack("<II", self._crc, self._size & 0xFFFFFFFF))

    def write(self, record: bytes) -> None:
        """Appends one record."""
        self.write_framed(frame(record))

    def write_framed(self, framed: bytes) -> None:
        """Appends one record that went through `frame` already."""
        self._crc = zlib.crc32(framed, self._crc)
        self._size += len(framed)
        view = memoryview(framed)
        for start in range(0, len(view), _MAX_BLOCK):
            self._block(view[start : start + _MAX_BLOCK])

    def _block(self, data: bytes | memoryview, *, last: bool = False) -> None:
        """One stored block (RFC 1951, 3.2.4)."""
        self._stream.write(struct.pack("<BHH", last, len(data), len(data) ^ 0xFFFF))
        self._stream.write(data)


def _checksum(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF)
