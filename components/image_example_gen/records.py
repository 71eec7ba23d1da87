"""TFRecord framing and the gzip that makes equal records equal bytes.

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
_GZIP = 31


def frame(record: bytes) -> bytes:
    """One record as a TFRecord file holds it: length, its checksum, data, its checksum."""
    length = struct.pack("<Q", len(record))
    return b"".join((length, _checksum(length), record, _checksum(record)))


class RecordWriter:
    """Writes gzip-compressed TFRecords; equal records in equal order give equal bytes.

    The header holds no time and no name. Images are compressed already: level 1 shrinks what else a record holds and
    costs least on what cannot shrink.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._compressor = zlib.compressobj(1, zlib.DEFLATED, _GZIP)

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._stream.write(self._compressor.flush())

    def write(self, record: bytes) -> None:
        """Appends one record."""
        self.write_framed(frame(record))

    def write_framed(self, framed: bytes) -> None:
        """Appends records that went through `frame` already."""
        self._stream.write(self._compressor.compress(framed))


def _checksum(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF)
