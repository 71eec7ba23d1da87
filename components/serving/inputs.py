"""The images that a person names on the command line, one after the other, without listing them all first.

for item in find_inputs(["photo.jpg", "holiday/", "list.csv", "gs://bucket/photos"]):
    item.path, item.error or item.read()
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from components.image_example_gen import paths
from components.image_example_gen.layout import MANIFEST_SUFFIXES, is_ignored
from trainer.errors import UserError

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
)


@dataclasses.dataclass(frozen=True)
class Input:
    """One image to classify."""

    path: str

    def read(self) -> bytes:
        """Its bytes. Raises: OSError."""
        return paths.read_bytes(self.path)


def find_inputs(arguments: Iterable[str]) -> Iterator[Input]:
    """Images of files, of folders at any depth, and of manifests (a column or key `path`).

    In a folder only names with an image's suffix count; a file named outright is taken whatever its name.

    Raises: UserError for an argument that does not exist, or a manifest that cannot be read.
    """
    for argument in arguments:
        path = paths.local(argument)
        if path.lower().endswith(MANIFEST_SUFFIXES):
            yield from _from_manifest(path)
        elif _is_folder(path):
            yield from _from_folder(path)
        elif paths.exists(path):
            yield Input(path)
        else:
            raise UserError(f"there is no file or folder {argument!r}", fix="check the path")


def is_remote_folder(arguments: Iterable[str]) -> bool:
    """Whether any argument lies on an object store."""
    return any(paths.is_remote(argument) for argument in arguments)


def _is_folder(path: str) -> bool:
    if paths.is_remote(path):
        return paths.look_up(path) is None
    return Path(path).is_dir()


def _from_folder(folder: str) -> Iterator[Input]:
    names = (
        (found.name, found.path)
        for found in paths.walk(folder)
        if not is_ignored(found.name) and Path(found.name).suffix.lower() in IMAGE_SUFFIXES
    )
    for _, path in sorted(names):
        yield Input(path)


def _from_manifest(path: str) -> Iterator[Input]:
    base = path.rpartition("/")[0] or "."
    lines = paths.read_bytes(path).decode("utf-8-sig").splitlines()
    is_json = path.lower().endswith(("jsonl", "ndjson"))
    for name in _json_paths(path, lines) if is_json else _table_paths(path, lines):
        absolute = paths.is_remote(name) or name.startswith("/")
        yield Input(name if absolute else paths.join(base, name))


def _table_paths(path: str, lines: list[str]) -> Iterator[str]:
    header = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=max(",;\t", key=header.count))
    if "path" not in (reader.fieldnames or ()):
        raise UserError(
            f"the manifest {path!r} has no column 'path': its columns are "
            f"{', '.join(map(repr, reader.fieldnames or ())) or 'none'}",
            fix="give it a header line with a column named path",
        )
    yield from (row["path"] for row in reader if row["path"])


def _json_paths(path: str, lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield str(json.loads(line)["path"])
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"line {number} of the manifest {path!r} is not an object with a key 'path'",
                fix='write one object a line, such as {"path": "1.jpg"}',
            ) from None
