"""The few file operations that the ingest needs, on any file system that Beam reaches.

    for found in walk("gs://bucket/photos"): ...
    write_whole("s3://bucket/x.json", b"{}")

Local folders are walked here rather than by Beam's glob, which reads `[`, `*` and `?` in a name as a pattern and
follows no links; everything else goes through `apache_beam.io.filesystems.FileSystems`.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

_REMOTE = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://")


class FoundFile(NamedTuple):
    """One file of a listing; a tuple, because there may be a million.

    Attributes:
      path: what opens it.
      name: relative to where the walk began, with `/`.
      size: bytes.
      version: changes when the content does: time of modification, or a checksum.
    """

    path: str
    name: str
    size: int
    version: str


def is_remote(path: str) -> bool:
    """True for `gs://...` and the like."""
    return _REMOTE.match(path) is not None


def local(path: str) -> str:
    """`~` and `file://` resolved; remote paths unchanged."""
    if path.startswith("file://"):
        path = path[len("file://") :]
    return path if is_remote(path) else str(Path(path).expanduser())


def join(root: str, *parts: str) -> str:
    """Joins with `/`, on every file system."""
    return "/".join([root.rstrip("/"), *parts]) if root != "/" else "/" + "/".join(parts)


def walk(root: str) -> Iterator[FoundFile]:
    """Every file below `root`, at any depth, in no particular order; hidden ones included."""
    return _walk_remote(root) if is_remote(root) else _walk_local(root)


def open_read(path: str) -> IO[bytes]:
    """Opens for reading; bytes come as they are stored."""
    if not is_remote(path):
        return open(path, "rb")
    stream: IO[bytes] = _file_systems().open(path, compression_type="uncompressed")
    return stream


def read_bytes(path: str) -> bytes:
    """The whole content of a file."""
    with open_read(path) as stream:
        return stream.read()


@contextlib.contextmanager
def create_whole(path: str, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """Writes a file that appears under its name only when it is complete.

    Local files are renamed into place; object stores make an object visible on close, and an upload that fails is
    given up.

    Args:
      path: the file.
      durable: wait until a local file would outlive a power cut; False for what a new run would make anew.
    """
    if is_remote(path):
        yield from _create_remote(path)
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: str, data: bytes, *, durable: bool = True) -> None:
    """`create_whole` for content that is at hand."""
    with create_whole(path, durable=durable) as stream:
        stream.write(data)


def exists(path: str) -> bool:
    """Whether there is a file or folder of this name."""
    return bool(_file_systems().exists(path)) if is_remote(path) else Path(path).exists()


def look_up(path: str) -> FoundFile | None:
    """Facts about one file, or None where there is none."""
    if is_remote(path):
        matches = _file_systems().match([_literal(path)])[0].metadata_list
        return (
            FoundFile(path, path, matches[0].size_in_bytes, _version(matches[0]))
            if matches
            else None
        )
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return FoundFile(path, path, status.st_size, str(status.st_mtime_ns))


def glob(folder: str, pattern: str) -> list[str]:
    """Files below `folder` that match, sorted; `*` stays within one level where the file system has levels."""
    if not is_remote(folder):
        return sorted(str(path) for path in Path(folder).glob(pattern))
    found = _file_systems().match([join(_literal(folder), pattern)])[0].metadata_list
    return sorted(metadata.path for metadata in found)


def delete_tree(path: str) -> None:
    """Removes a folder with all it holds; a missing one is fine."""
    if not is_remote(path):
        import shutil

        shutil.rmtree(path, ignore_errors=True)
        return
    files = [found.path for found in walk(path)]
    if files:
        _file_systems().delete(files)


def _create_remote(path: str) -> Iterator[IO[bytes]]:
    systems = _file_systems()
    temporary = f"{path}.{uuid.uuid4().hex[:8]}.tmp"
    stream = systems.create(temporary, compression_type="uncompressed")
    try:
        with stream:
            yield stream
        if systems.exists(path):
            systems.delete([path])
        systems.rename([temporary], [path])
    except BaseException:
        with contextlib.suppress(Exception):
            systems.delete([temporary])
        raise


def _walk_local(root: str) -> Iterator[FoundFile]:
    """Every real folder once, however many links lead to it; never up to where the root itself lies.

    Folders come before links to folders, so a file is found under its own path where it has one.
    """
    seen = {_identity(parent) for parent in Path(root).resolve().parents}
    folders, links = [(root, "")], list[tuple[str, str]]()
    while folders or links:
        folder, prefix = folders.pop() if folders else links.pop(0)
        try:
            identity = _identity(folder)
            if identity in seen:
                continue
            seen.add(identity)
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            yield FoundFile(folder, prefix.rstrip("/"), 0, "unreadable")
            continue
        for entry in entries:
            if not _is_folder(entry):
                if found := _regular(entry, prefix):
                    yield found
            else:
                kind = links if entry.is_symlink() else folders
                kind.append((entry.path, f"{prefix}{entry.name}/"))


def _identity(folder: str | Path) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _regular(entry: os.DirEntry[str], prefix: str) -> FoundFile | None:
    """A regular file, or a dangling link (which is found, and unreadable); devices, pipes and sockets are no files."""
    try:
        status = entry.stat()
    except OSError:
        return FoundFile(entry.path, prefix + entry.name, 0, "unreadable")
    if not stat.S_ISREG(status.st_mode):
        return None
    return FoundFile(entry.path, prefix + entry.name, status.st_size, str(status.st_mtime_ns))


def _walk_remote(root: str) -> Iterator[FoundFile]:
    systems = _file_systems()
    prefix = root.rstrip("/") + "/"
    for metadata in systems.match([_literal(prefix) + "**"])[0].metadata_list:
        if not metadata.path.endswith("/"):
            name = metadata.path[len(prefix) :]
            yield FoundFile(metadata.path, name, metadata.size_in_bytes, _version(metadata))


def _literal(path: str) -> str:
    """A pattern that matches just this: in brackets, each pattern character stands for itself."""
    return re.sub(r"([\[*?])", r"[\1]", path)


def _version(metadata: Any) -> str:
    updated = metadata.last_updated_in_seconds
    return repr(updated) if updated else str(_file_systems().checksum(metadata.path))


def _file_systems() -> Any:
    from apache_beam.io.filesystems import FileSystems

    return FileSystems
