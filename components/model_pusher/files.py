"""Paths and files of any file system that Beam reaches; nothing here knows of registries."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO

CHUNK = 1 << 20


def is_remote(path: str) -> bool:
    """True for paths such as `gs://bucket/models`."""
    return "://" in path and not path.startswith("file://")


def normal(path: str) -> str:
    """The path without a trailing slash; local ones absolute, without `file://`."""
    if is_remote(path):
        return path.rstrip("/")
    local = path.removeprefix("file://")
    return str(Path(local).expanduser().absolute())


def open_any(path: str) -> IO[bytes]:
    """Opens a file of any file system for reading, without guessing a compression from its name."""
    if not is_remote(path):
        return Path(path.removeprefix("file://")).open("rb")
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    file: IO[bytes] = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return file


def sha256(path: str) -> str:
    """Hexadecimal SHA-256 of a file of any file system."""
    digest = hashlib.sha256()
    with open_any(path) as file:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()
