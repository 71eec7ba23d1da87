"""The registry's file operations on an object store."""

from __future__ import annotations

import contextlib
import hashlib
import posixpath
import random
import re
import time
import uuid
from typing import IO

from components.model_pusher.files import CHUNK, open_any


class BeamStorage:
    """An object store behind Beam's file systems: objects appear whole, folders cannot be moved."""

    renames_folders = False

    def glob(self, folder: str, pattern: str) -> list[str]:
        """Files that match, sorted; `**` crosses levels."""
        from apache_beam.io.filesystems import FileSystems

        with contextlib.suppress(FileNotFoundError):
            [result] = FileSystems.match([f"{_literal(folder)}/{pattern}"])
            return sorted(metadata.path for metadata in result.metadata_list)
        return []

    def exists(self, path: str) -> bool:
        """Whether there is an object of this name."""
        from apache_beam.io.filesystems import FileSystems

        return bool(FileSystems.exists(path))

    def read(self, path: str) -> bytes:
        """Content of a file."""
        if not self.exists(path):
            raise FileNotFoundError(path)
        with open_any(path) as file:
            return file.read()

    def write(self, path: str, data: bytes) -> None:
        """Writes one object."""
        with _beam_create(path) as file:
            file.write(data)

    def create(self, path: str, data: bytes) -> bool:
        """Announces itself beside the name, and goes on only if nobody else is there.

        Listing after writing is consistent on today's stores, so of two callers at once at least
        one sees the other. Both may lose; the registry then takes the next number.
        """
        token = f"{path}~{uuid.uuid4().hex[:12]}"
        if self.exists(path):
            return False
        self.write(token, data)
        folder, name = posixpath.split(path)
        alone = self.glob(folder, f"{_literal(name)}~*") == [token] and not self.exists(path)
        if alone:
            self.write(path, data)
        else:
            self.wait()
        self.delete(token)
        return alone

    def wait(self) -> None:
        """A moment of random length, so that two who met do not meet again."""
        time.sleep(random.uniform(0, 0.5))

    def copy(self, source: str, target: str) -> str:
        """Copies one file."""
        digest = hashlib.sha256()
        with open_any(source) as reader, _beam_create(target) as writer:
            for chunk in iter(lambda: reader.read(CHUNK), b""):
                digest.update(chunk)
                writer.write(chunk)
        return digest.hexdigest()

    def rename_folder(self, source: str, target: str) -> bool:
        """Not possible here; `renames_folders` says so."""
        raise NotImplementedError(f"cannot move {source} to {target} in one step")

    def delete(self, path: str) -> None:
        """Removes one object, or everything under a folder."""
        from apache_beam.io.filesystems import FileSystems

        found = [*([path] if self.exists(path) else []), *self.glob(path, "**")]
        if found:
            FileSystems.delete(found)


def _literal(path: str) -> str:
    """The path as a pattern of Beam's that matches only itself."""
    return re.sub(r"([\[*?])", r"[\1]", path)


def _beam_create(path: str) -> IO[bytes]:
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    file: IO[bytes] = FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return file
