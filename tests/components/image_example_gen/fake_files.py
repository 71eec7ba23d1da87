"""A Beam file system `fake://` that behaves as an object store does: no folders, objects appear on close, one listing
by prefix. What it holds lies in one local folder, under names that hide the `/`.

    FakeFiles.keep_in(tmp_path / "bucket")
    upload(photos, "fake://bucket/photos")
"""

from __future__ import annotations

import io
import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from apache_beam.io.filesystem import BeamIOError, CompressionTypes, FileMetadata, FileSystem

SCHEME = "fake"


class FakeFiles(FileSystem):
    """Beam finds it by its scheme, as every subclass of `FileSystem`."""

    place: ClassVar[Path]

    @classmethod
    def keep_in(cls, folder: Path) -> None:
        folder.mkdir()
        cls.place = folder

    @classmethod
    def scheme(cls) -> str:
        return SCHEME

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def mkdirs(self, path: str) -> None:
        raise AssertionError(f"object stores have no folders: {path}")

    def has_dirs(self) -> bool:
        return False

    def _file(self, path: str) -> Path:
        assert path.startswith(f"{SCHEME}://"), path
        return self.place / urllib.parse.quote(path, safe="")

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        for file in sorted(self.place.iterdir()):
            path = urllib.parse.unquote(file.name)
            if path.startswith(dir_or_prefix):
                yield self.metadata(path)

    def create(
        self,
        path: str,
        mime_type: str = "application/octet-stream",
        compression_type: str = CompressionTypes.AUTO,
    ) -> _Upload:
        assert compression_type == CompressionTypes.UNCOMPRESSED
        return _Upload(self._file(path))

    def open(
        self,
        path: str,
        mime_type: str = "application/octet-stream",
        compression_type: str = CompressionTypes.AUTO,
    ) -> Any:
        assert compression_type == CompressionTypes.UNCOMPRESSED
        self._require(path)
        return self._file(path).open("rb")

    def copy(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        for source, target in zip(source_file_names, destination_file_names, strict=True):
            self._require(source)
            shutil.copy2(self._file(source), self._file(target))

    def rename(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        self.copy(source_file_names, destination_file_names)
        self.delete(source_file_names)

    def exists(self, path: str) -> bool:
        return self._file(path).exists()

    def size(self, path: str) -> int:
        return self._file(path).stat().st_size

    def last_updated(self, path: str) -> float:
        return self._file(path).stat().st_mtime

    def checksum(self, path: str) -> str:
        raise AssertionError("a listing tells times: nothing has to be asked of each object")

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, self.size(path), self.last_updated(path))

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            self._require(path)
            self._file(path).unlink()

    def _require(self, path: str) -> None:
        if not self.exists(path):
            raise BeamIOError(f"no such object: {path}")


class _Upload(io.BytesIO):
    """An object that is there once it is closed."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def close(self) -> None:
        if not self.closed:
            self._file.write_bytes(self.getvalue())
        super().close()


def upload(folder: Path, target: str) -> None:
    """Copies a local folder, times included."""
    files = FakeFiles(None)
    for file in folder.rglob("*"):
        if file.is_file():
            shutil.copy2(file, files._file(f"{target}/{file.relative_to(folder).as_posix()}"))


def download(source: str, folder: Path) -> None:
    """Copies all objects below `source` into a local folder."""
    for found in FakeFiles(None)._list(source + "/"):
        target = folder / found.path.removeprefix(source + "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FakeFiles(None)._file(found.path), target)
