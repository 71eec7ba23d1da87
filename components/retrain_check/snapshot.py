"""A listing made small enough to keep: which file had which content, 16 bytes an image.

    snapshot = Snapshot.of(listing)
    keep(storage, folder, listing.fingerprint(), snapshot)
    change = snapshot.change_since(load(storage, folder, served_data_version))

Only digests of names and of sizes, times and classes are kept, so a million files take 16 MB, and comparing two
listings is a merge of sorted numbers.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import io
import json
import math
import posixpath
import zipfile

import numpy as np
import numpy.typing as npt

from components.image_example_gen.listing import ImageFile, Listing
from components.model_pusher.storage import Storage
from components.retrain_check.facts import DataChange

LISTINGS_DIR = posixpath.join(".registry", "listings")
_SUFFIX = ".npz"
_NAME_CHARS = 40
_Digests = npt.NDArray[np.uint64]


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """One listing.

    Attributes:
      names: uint64 [N], digest of each file's name, ascending.
      contents: uint64 [N], digest of its class, size and version, in the same order.
      classes: images by class.
      sizes: images by the power of two (half steps) that their size in bytes falls into.
    """

    names: _Digests
    contents: _Digests
    classes: dict[str, int]
    sizes: dict[str, int]

    @classmethod
    def of(cls, listing: Listing) -> Snapshot:
        """The snapshot of a listing."""
        names = np.fromiter((_digest(f.name) for f in listing.files), np.uint64, len(listing.files))
        contents = np.fromiter(map(_content, listing.files), np.uint64, len(listing.files))
        order = np.argsort(names, kind="stable")
        return cls(names[order], contents[order], *_counts(listing.files))

    def change_since(self, before: Snapshot, listing: Listing) -> DataChange:
        """What became of the files of `before`; `listing` is the one that this was made of."""
        new, modified = self._incoming_masks(before)
        removed = ~np.isin(before.names, self.names, assume_unique=True)
        incoming = self.incoming(before, listing)
        total = int(new.sum() + modified.sum() + removed.sum())
        return DataChange(
            images=len(self.names),
            added=int(new.sum()),
            modified=int(modified.sum()),
            removed=int(removed.sum()),
            share=total / max(len(before.names), 1),
            added_per_class=dict(sorted(_counts(incoming)[0].items())),
            new_classes=tuple(sorted(self.classes.keys() - before.classes.keys())),
            vanished_classes=tuple(sorted(before.classes.keys() - self.classes.keys())),
        )

    def incoming(self, before: Snapshot, listing: Listing) -> list[ImageFile]:
        """The files that are new or changed since `before`."""
        new, modified = self._incoming_masks(before)
        wanted = set(self.names[new | modified].tolist())
        return [file for file in listing.files if _digest(file.name) in wanted] if wanted else []

    def _incoming_masks(
        self, before: Snapshot
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which files are new, and which are there but changed; bool [N] each."""
        if not len(before.names):
            return np.ones(len(self.names), bool), np.zeros(len(self.names), bool)
        place = np.minimum(np.searchsorted(before.names, self.names), len(before.names) - 1)
        known = before.names[place] == self.names
        return ~known, known & (before.contents[place] != self.contents)

    def to_bytes(self) -> bytes:
        """As a NumPy archive."""
        facts = json.dumps({"classes": self.classes, "sizes": self.sizes}).encode()
        body = io.BytesIO()
        np.savez(
            body,
            names=self.names,
            contents=self.contents,
            facts=np.frombuffer(facts, np.uint8),
        )
        return body.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Snapshot:
        """The reverse. Raises: ValueError, KeyError, OSError or BadZipFile for anything else."""
        with np.load(io.BytesIO(data), allow_pickle=False) as content:
            facts = json.loads(content["facts"].tobytes())
            return cls(content["names"], content["contents"], facts["classes"], facts["sizes"])


def size_bin(size: int) -> str:
    """The bin of a size in bytes: half a power of two wide, named by its lower bound's exponent times two."""
    return str(math.floor(2 * math.log2(max(size, 1))))


def keep(storage: Storage, model_folder: str, data_version: str, snapshot: Snapshot) -> None:
    """Writes the snapshot of these data unless it is there already."""
    path = _path(model_folder, data_version)
    if not storage.exists(path):
        storage.write(path, snapshot.to_bytes())


def load(storage: Storage, model_folder: str, data_version: str) -> Snapshot | None:
    """The snapshot of these data, or None where it was not kept or cannot be read."""
    try:
        return Snapshot.from_bytes(storage.read(_path(model_folder, data_version)))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def forget(storage: Storage, model_folder: str, needed: set[str]) -> list[str]:
    """Deletes the snapshots of data that nothing refers to; returns their paths."""
    kept = {_path(model_folder, data_version) for data_version in needed}
    found = storage.glob(posixpath.join(model_folder, LISTINGS_DIR), f"*{_SUFFIX}")
    gone = [path for path in found if path not in kept]
    for path in gone:
        storage.delete(path)
    return gone


def _path(model_folder: str, data_version: str) -> str:
    return posixpath.join(model_folder, LISTINGS_DIR, data_version[:_NAME_CHARS] + _SUFFIX)


def _counts(
    files: list[ImageFile] | tuple[ImageFile, ...],
) -> tuple[dict[str, int], dict[str, int]]:
    classes = collections.Counter(file.class_name for file in files)
    sizes = collections.Counter(size_bin(file.size) for file in files)
    return dict(classes), dict(sizes)


def _content(file: ImageFile) -> int:
    return _digest(f"{file.class_name}\0{file.size}\0{file.version}\0{file.split}")


def _digest(text: str) -> int:
    raw = text.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")
