"""The few file operations that the registry is made of, on a disk or on an object store.

    storage = storage_for("gs://bucket/models")
    storage.write("gs://bucket/models/digits/1/record/labels.txt", b"0\n1\n")

Every method is one step that either happened or did not, so a process killed between two of them
leaves a state that the registry can reason about. That is also the seam where tests kill it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from components.model_pusher.bucket import BeamStorage
from components.model_pusher.disk import LocalStorage
from components.model_pusher.files import is_remote, normal, open_any, sha256

__all__ = [
    "BeamStorage",
    "LocalStorage",
    "Storage",
    "is_remote",
    "normal",
    "open_any",
    "sha256",
    "storage_for",
    "walk",
]


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


def storage_for(root: str) -> Storage:
    """The storage that a registry's root needs: a scheme other than `file` means Beam."""
    return BeamStorage() if is_remote(root) else LocalStorage()


def walk(folder: str) -> Iterator[str]:
    """Paths of all files under a folder, relative to it, sorted."""
    if not is_remote(folder):
        root = Path(folder.removeprefix("file://"))
        yield from sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        return
    prefix = folder.rstrip("/") + "/"
    yield from sorted(path[len(prefix) :] for path in BeamStorage().glob(folder.rstrip("/"), "**"))
