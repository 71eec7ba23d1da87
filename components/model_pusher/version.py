"""One version in the registry: where its model lies, and the record kept with it.

version.path                          # a SavedModel folder, as TF Serving wants it
version.read_json("metrics.json")     # what the evaluation found
version.verify()                      # names of files that are missing or not what was pushed
"""

from __future__ import annotations

import dataclasses
import functools
import json
import posixpath
from typing import Any

from pydantic import Field

from components.model_pusher.storage import Storage, is_remote, open_any, sha256, walk
from trainer.settings import Settings

RECORD = "record"
MARKER = "version.json"
MODEL_FILE = "saved_model.pb"


class VersionInfo(Settings):
    """The marker: written last, so where it is, everything it names is there too."""

    number: int = Field(ge=1, description="Version; the name of its folder.")
    name: str = Field(description="The model's name in the registry.")
    digest: str = Field(description="SHA-256 over paths and contents of the model's files.")
    created: str = Field(description="When it was filed, UTC, ISO 8601.")
    files: dict[str, str] = Field(
        description="SHA-256 of every file, model and record, by its path."
    )
    record: str = Field(
        RECORD,
        description="Folder of the record below the version's; on an object store one of this push "
        "alone.",
    )


@dataclasses.dataclass(frozen=True)
class Version:
    """A whole, readable version.

    Attributes:
      number: its number, from 1.
      path: its folder, `<root>/<name>/<number>`: a SavedModel, with the record in `record/`.
      storage: how to reach it.
    """

    number: int
    path: str
    storage: Storage = dataclasses.field(repr=False, compare=False)

    @functools.cached_property
    def info(self) -> VersionInfo:
        """The marker's content."""
        return VersionInfo.model_validate_json(self.storage.read(marker_path(self.path)))

    def record_path(self, name: str) -> str:
        """Where a file of the record lies, such as `schema.pbtxt`."""
        return posixpath.join(self.path, self.info.record, name)

    def has(self, name: str) -> bool:
        """Whether the record holds a file of this name."""
        return f"{self.info.record}/{name}" in self.info.files

    def read_bytes(self, name: str) -> bytes:
        """Content of a file of the record. Raises: FileNotFoundError."""
        return self.storage.read(self.record_path(name))

    def read_text(self, name: str) -> str:
        """Content of a text file of the record. Raises: FileNotFoundError."""
        return self.read_bytes(name).decode()

    def read_json(self, name: str) -> Any:
        """Parsed content of a JSON file of the record; `{}` where the record has no such file."""
        try:
            return json.loads(self.read_bytes(name))
        except FileNotFoundError:
            return {}

    def record_files(self) -> list[str]:
        """Names of the files in the record, without the marker."""
        prefix = f"{self.info.record}/"
        return [path.removeprefix(prefix) for path in self.info.files if path.startswith(prefix)]

    def verify(self) -> list[str]:
        """Compares every file with the digest it was pushed with; returns the paths that differ."""
        return wrong_files(self.path, self.info.files)

    def local_path(self) -> str:
        """The model's folder on this machine: a remote one is downloaded to a cache first."""
        return local_copy(self.path, self.info.files) if is_remote(self.path) else self.path


def marker_path(folder: str) -> str:
    """Where the marker of a version's folder lies."""
    return posixpath.join(folder, RECORD, MARKER)


def wrong_files(folder: str, expected: dict[str, str]) -> list[str]:
    """Paths under `folder` that are missing or whose SHA-256 is not the expected one."""
    present = set(walk(folder))
    return [
        path
        for path, digest in sorted(expected.items())
        if path not in present or sha256(posixpath.join(folder, path)) != digest
    ]


def local_copy(folder: str, expected: dict[str, str]) -> str:
    """Downloads a version once, checked, into a cache named by its content."""
    import hashlib
    import shutil
    import tempfile
    from pathlib import Path

    key = hashlib.sha256(json.dumps(expected, sort_keys=True).encode()).hexdigest()[:32]
    cache = Path.home() / ".cache" / "imagemill" / "models"
    target = cache / key
    if target.exists():
        return str(target)
    cache.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=cache, prefix=".partial-"))
    for path in expected:
        copy = staging / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        with open_any(posixpath.join(folder, path)) as reader, copy.open("wb") as writer:
            shutil.copyfileobj(reader, writer)
    if wrong := wrong_files(str(staging), expected):
        shutil.rmtree(staging)
        raise OSError(f"downloaded {folder}, but these files differ from what was pushed: {wrong}")
    try:
        staging.rename(target)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
    return str(target)
