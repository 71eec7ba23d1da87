"""What there is to ingest, found without reading any image.

listing = list_images("gs://bucket/photos", config)
listing.class_names, len(listing.files), listing.fingerprint()
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import hashlib
import json
import operator
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from components.image_example_gen import layout as layouts
from components.image_example_gen import paths
from components.image_example_gen.config import IngestConfig
from components.image_example_gen.dead_letter import DeadLetter
from components.image_example_gen.manifest import Row, Value, read_manifest
from trainer.errors import ExitCode, UserError

# One for all files: a million empty dictionaries would weigh 64 MB.
_NO_COLUMNS: Mapping[str, Value] = {}
_NAME = operator.attrgetter("name")
_CHUNK = 4096


class ImageFile(NamedTuple):
    """A file that should become an example; a tuple, because there may be a million.

    Attributes:
      path: what opens it.
      name: relative to the root with `/`, valid UTF-8; what reports show.
      size: bytes.
      version: changes when the content does (time of modification, or a checksum).
      class_name: its class, in Unicode normal form C.
      split: train, val or test where the input says so, else "".
      columns: extra manifest columns.
    """

    path: str
    name: str
    size: int
    version: str
    class_name: str
    split: str = ""
    columns: Mapping[str, Value] = _NO_COLUMNS


@dataclasses.dataclass(frozen=True)
class Listing:
    """All files under a root; `files` and `rejected` together are the files found.

    Attributes:
      root: where.
      layout: `folders`, `split_folders` or `manifest`.
      files: sorted by name.
      rejected: files that cannot become examples by their place alone.
      ignored: number of hidden files and desktop litter, which do not count as found.
    """

    root: str
    layout: str
    files: tuple[ImageFile, ...]
    rejected: tuple[DeadLetter, ...] = ()
    ignored: int = 0

    @property
    def found(self) -> int:
        """Number of files found."""
        return len(self.files) + len(self.rejected)

    @functools.cached_property
    def class_names(self) -> tuple[str, ...]:
        """Classes that at least one file claims, sorted."""
        return tuple(sorted({file.class_name for file in self.files}))

    def fingerprint(self) -> str:
        """SHA-256 of names, sizes, versions, classes and splits: the same until something changes."""
        digest = hashlib.sha256(self.layout.encode())
        for start in range(0, len(self.files), _CHUNK):
            facts = map(_facts_of, self.files[start : start + _CHUNK])
            digest.update(json.dumps(list(facts)).encode())
        for letter in self.rejected:
            digest.update(letter.to_json().encode())
        return digest.hexdigest()

    def summary(self) -> str:
        """One sentence for people."""
        counts = Counter(file.class_name for file in self.files)
        splits = Counter(file.split for file in self.files if file.split)
        given = f", given splits {dict(sorted(splits.items()))}" if splits else ""
        return f"{self.found} files in {len(counts)} classes, read as {self.layout}{given}"


def _facts_of(file: ImageFile) -> tuple[Any, ...]:
    """What a fingerprint is made of: everything but where the root lies."""
    return (*file[1:-1], dict(file.columns)) if file.columns else file[1:-1]


def list_images(root: str, config: IngestConfig) -> Listing:
    """Lists the input of an ingest.

    Args:
      root: a folder or a manifest; local, or any file system that Beam reaches.
      config: how to read it.

    Raises:
      UserError: nothing is there, it cannot be listed, or it has no images or too few classes.
    """
    if not root:
        raise UserError(
            "no folder of images was given: `data.root` is empty",
            fix="name one, as in `imagemill run PHOTOS`",
        )
    root = paths.local(root)
    manifest = _manifest_path(root, config)
    with _collector_at_rest():
        listing = _from_manifest(manifest, config) if manifest else _from_folders(root, config)
    _require_classes(listing, config)
    return listing


@contextlib.contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Keeps the garbage collector from looking through a million tuples, again and again, for cycles that none has."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _manifest_path(root: str, config: IngestConfig) -> str:
    """The manifest to read, or "" for a folder of images."""
    if root.lower().endswith(layouts.MANIFEST_SUFFIXES):
        if not _exists(root):
            raise _missing(root)
        return root
    if config.layout in ("auto", "manifest"):
        for name in layouts.MANIFEST_NAMES:
            if _exists(candidate := paths.join(root, name)):
                return candidate
    if config.layout == "manifest":
        raise UserError(
            f"`data.layout` is manifest, but {root!r} is no CSV or JSONL file and holds none of "
            f"{', '.join(layouts.MANIFEST_NAMES)}",
            fix="set `data.root` to the manifest",
        )
    return ""


def _from_folders(root: str, config: IngestConfig) -> Listing:
    found = _walk(root)
    kept = _kept(found)
    # Only its folders say where a file belongs: worked out once for all files of a folder.
    folders = [file.name[: file.name.rfind("/") + 1] for file in kept]
    layout = config.layout
    if layout == "auto":
        layout = layouts.detect_layout(set(folders))  # type: ignore[assignment]
    places = {folder: layouts.place(folder, layout) for folder in set(folders)}
    files, rejected = [], []
    for file, folder in zip(kept, folders, strict=True):
        at, name = places[folder], _readable(file.name)
        if at.class_name and (at.split or layout == "folders"):
            files.append(
                ImageFile(file.path, name, file.size, file.version, at.class_name, at.split)
            )
        else:
            detail = (
                "lies outside the class folders"
                if not at.class_name
                else "lies in no split's folder"
            )
            rejected.append(DeadLetter(name, "no_class", detail, at.class_name, file.size))
    return Listing(root, layout, tuple(files), tuple(rejected), len(found) - len(kept))


def _kept(found: Sequence[paths.FoundFile]) -> list[paths.FoundFile]:
    """The files that are not ignored, in the order of their names' bytes."""
    ignored = functools.lru_cache(maxsize=1024)(layouts.is_ignored)
    kept = []
    for file in found:
        folder, _, name = file.name.rpartition("/")
        if not (layouts.is_litter(name) or (folder and ignored(folder))):
            kept.append(file)
    # Code points sort as their UTF-8 does, but for the bytes that are none.
    plain = all(map(str.isascii, map(_NAME, kept)))
    kept.sort(key=_NAME if plain else _order)
    return kept


def _walk(root: str) -> list[paths.FoundFile]:
    if not paths.is_remote(root) and not paths.exists(root):
        raise _missing(root)
    try:
        found = list(paths.walk(root))
    except Exception as error:
        raise UserError(
            f"cannot list {root!r}: {error}",
            fix="check the address, the credentials and that Beam's extra for this file system is installed "
            "(`pip install 'apache-beam[gcp]'`, `[aws]` or `[hadoop]`)",
        ) from error
    if [file.path for file in found] == [root]:
        raise UserError(
            f"{root!r} is not a folder that can be read",
            fix="name a folder of images, or a manifest",
        )
    return found


def _missing(root: str) -> UserError:
    return UserError(f"there is nothing at {root!r}", fix="check the path")


def _order(file: paths.FoundFile) -> bytes:
    return file.name.encode("utf-8", "surrogateescape")


def _readable(name: str) -> str:
    """The name as valid UTF-8, otherwise untouched: twins in different normal forms stay apart."""
    if name.isascii():
        return name
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _from_manifest(path: str, config: IngestConfig) -> Listing:
    rows = read_manifest(path, config)
    folder = posixpath.dirname(path) or "."
    facts = _facts(folder, [row.path for row in rows])
    files: list[ImageFile] = []
    rejected: list[DeadLetter] = []
    seen: set[str] = set()
    for row, fact in zip(rows, facts, strict=True):
        problem = _problem(row, seen)
        name, label = (
            _readable(row.path or f"{posixpath.basename(path)}:{row.line}"),
            layouts.clean_label(row.label.strip()),
        )
        if problem:
            rejected.append(DeadLetter(name, *problem, label, fact.size))
        else:
            split = layouts.split_of(row.split)
            files.append(
                ImageFile(fact.path, name, fact.size, fact.version, label, split, row.columns)
            )
        seen.add(row.path)
    files.sort(key=lambda file: file.name)
    return Listing(path, "manifest", tuple(files), tuple(rejected))


def _problem(row: Row, seen: set[str]) -> tuple[str, str] | None:
    """Reason and detail why a row cannot become an example, or None."""
    if not row.path:
        return "unreadable", f"line {row.line} of the manifest has no path"
    if row.path in seen:
        return "duplicate_path", f"line {row.line} of the manifest repeats a path"
    if not row.label.strip():
        return "no_class", f"line {row.line} of the manifest has no label"
    if row.split.strip() and not layouts.split_of(row.split):
        return (
            "bad_split",
            f"line {row.line} of the manifest says {row.split!r}; it may say train, val or test",
        )
    return None


def _facts(folder: str, names: Sequence[str]) -> list[paths.FoundFile]:
    """Size and version of each named file; one listing of the manifest's folder where it is remote."""
    known: dict[str, paths.FoundFile] = {}
    if paths.is_remote(folder):
        known = {file.path: file for file in _walk(folder)}
    return [_fact(folder, name, known) for name in names]


def _fact(folder: str, name: str, known: Mapping[str, paths.FoundFile]) -> paths.FoundFile:
    """One file; a name that is spelt in the other Unicode normal form than the file's is found all the same."""
    path = (
        name
        if paths.is_remote(name) or name.startswith("/")
        else paths.join(folder, posixpath.normpath(name))
    )
    for form in (path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path)):
        fact = known.get(form) or paths.look_up(form)
        if fact:
            return fact
    return paths.FoundFile(path, name, 0, "missing")


def _exists(path: str) -> bool:
    try:
        return paths.exists(path)
    except Exception as error:
        raise UserError(
            f"cannot reach {path!r}: {error}",
            fix="check the address, the credentials and that Beam's extra for this file system is installed",
        ) from error


def _require_classes(listing: Listing, config: IngestConfig) -> None:
    if not listing.files:
        where = f"; {_sample(listing.rejected)}" if listing.rejected else ""
        raise UserError(
            f"found no images under {listing.root!r}: {listing.found} files, none of them in a class folder{where}",
            fix="point at a folder with one sub-folder of images per class",
            code=ExitCode.USAGE,
        )
    if len(listing.class_names) < config.min_classes:
        raise UserError(
            f"found {len(listing.class_names)} class ({', '.join(listing.class_names)}) under "
            f"{listing.root!r}, but a classifier needs at least {config.min_classes}",
            fix="point at the folder that holds the class folders, with one sub-folder per class",
        )


def _sample(letters: Iterable[DeadLetter]) -> str:
    first = next(iter(letters))
    return f"{first.path!r} {first.detail}"
