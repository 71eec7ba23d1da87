"""The registry's file operations on a disk."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from pathlib import Path
from typing import IO

from components.model_pusher.files import CHUNK, open_any

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


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


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
