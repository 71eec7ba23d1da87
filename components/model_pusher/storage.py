"""The few file operations that the registry is made of, on a disk or on an object store.

    storage = storage_for("gs://bucket/models")
    storage.write("gs://bucket/models/digits/1/record/labels.txt", b"0\n1\n")

Every method is one step that either happened or did not, so a process killed between two of them
leaves a state that the registry can reason about. That is also the seam where tests kill it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import posixpath
import random
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

CHUNK = 1 << 20
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


class Storage(Protocol):
    """What the registry needs of a file system. Paths are absolute strings with `/`."""

    @property
    def renames_folders(self) -> bool:
        """True where a whole folder can be moved in one step."""

    def glob(self, folder: str, pattern: str) -> list[str]:
        """Files below a folder that match; `*` stays within one level. Sorted."""

    def exists(self, path: str) -> bool:
        """Whether there is a file of this name."""

    def read(self, path: str) -> bytes:
        """Content of a file. Raises: FileNotFoundError."""

    def write(self, path: str, data: bytes) -> None:
        """Writes or replaces a file, whole; folders above it come into being."""

    def create(self, path: str, data: bytes) -> bool:
        """Writes a file unless it exists; of several callers at once at most one gets True."""

    def copy(self, source: str, target: str) -> str:
        """Copies one file of any file system to here; returns the SHA-256 of what was copied."""

    def rename_folder(self, source: str, target: str) -> bool:
        """Moves a folder to a name that is free; False where the name is taken."""

    def delete(self, path: str) -> None:
        """Removes a file or a folder with all it holds; a missing one is fine."""


class LocalStorage:
    """A disk: POSIX renames and hard links give the atomic steps."""

    renames_folders = True

    def glob(self, folder: str, pattern: str) -> list[str]:
        """Files that match, sorted."""
        return sorted(str(path) for path in Path(folder).glob(pattern) if path.is_file())

    def exists(self, path: str) -> bool:
        """Whether there is a file of this name."""
        return Path(path).is_file()

    def read(self, path: str) -> bytes:
        """Content of a file."""
        return Path(path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        """Writes a temporary sibling, then renames it."""
        temporary = self._temporary(path, data)
        temporary.replace(path)

    def create(self, path: str, data: bytes) -> bool:
        """Links a complete temporary file to its name: the link fails where the name is taken."""
        if Path(path).exists():
            return False
        temporary = self._temporary(path, data)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            return self._create_without_links(path, data)
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def copy(self, source: str, target: str) -> str:
        """Copies one file and flushes it to the disk."""
        digest = hashlib.sha256()
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        with open_any(source) as reader, Path(target).open("wb") as writer:
            for chunk in iter(lambda: reader.read(CHUNK), b""):
                digest.update(chunk)
                writer.write(chunk)
            _flush(writer)
        return digest.hexdigest()

    def rename_folder(self, source: str, target: str) -> bool:
        """One `rename(2)`, which refuses a target that holds files."""
        try:
            Path(source).rename(target)
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                return False
            raise
        _sync_folder(Path(target).parent)
        return True

    def delete(self, path: str) -> None:
        """Removes a file or a folder."""
        if Path(path).is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            Path(path).unlink(missing_ok=True)

    def _temporary(self, path: str, data: bytes) -> Path:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
        with temporary.open("wb") as file:
            file.write(data)
            _flush(file)
        return temporary

    def _create_without_links(self, path: str, data: bytes) -> bool:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            _flush(file)
        return True


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


def storage_for(root: str) -> Storage:
    """The storage that a registry's root needs: a scheme other than `file` means Beam."""
    return BeamStorage() if is_remote(root) else LocalStorage()


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


def walk(folder: str) -> Iterator[str]:
    """Paths of all files under a folder, relative to it, sorted."""
    if not is_remote(folder):
        root = Path(folder.removeprefix("file://"))
        yield from sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        return
    prefix = folder.rstrip("/") + "/"
    yield from sorted(path[len(prefix) :] for path in BeamStorage().glob(folder.rstrip("/"), "**"))


def sha256(path: str) -> str:
    """Hexadecimal SHA-256 of a file of any file system."""
    digest = hashlib.sha256()
    with open_any(path) as file:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _literal(path: str) -> str:
    """The path as a pattern of Beam's that matches only itself."""
    return re.sub(r"([\[*?])", r"[\1]", path)


def _beam_create(path: str) -> IO[bytes]:
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    file: IO[bytes] = FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return file


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
