"""How a version gets into the registry, and out of it, whole.

On a disk everything is written under a name that TF Serving ignores, checked, and renamed in one
step. On an object store, which cannot rename folders, the files go to their place and the marker
comes last: without it a version does not exist for the registry. There each push writes its record
to a folder of its own, which the marker names, so that pushes of the same model at once never mix.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import time
import uuid
from collections.abc import Mapping

from components.model_pusher.pointer import leading_numbers, now
from components.model_pusher.storage import Storage, sha256, walk
from components.model_pusher.version import (
    MODEL_FILE,
    RECORD,
    VersionInfo,
    marker_path,
    wrong_files,
)

_ATTEMPTS = 100
_PATIENCE = 20
_ABANDONED_SECONDS = 24 * 3600


class Staging:
    """The ways in and out.

    Args:
      storage: where the registry lies.
      path: `<root>/<name>`.
      name: the model's name.
      state: folder for claims and staging.
    """

    def __init__(self, storage: Storage, path: str, name: str, state: str) -> None:
        self._storage = storage
        self._path = path
        self._name = name
        self._claims = posixpath.join(state, "claims")
        self._folder = posixpath.join(state, "staging")

    def whole(self, number: int) -> bool:
        """Whether a version is there; the marker says so."""
        return self._storage.exists(marker_path(self._place(number)))

    def add(self, model: str, record: Mapping[str, bytes]) -> tuple[int, bool]:
        """Files a model; returns its number, and False where it was there already."""
        files = {path: sha256(posixpath.join(model, path)) for path in walk(model)}
        number = self._claim(content_digest(files))
        if self.whole(number):
            return number, False
        if not self._storage.renames_folders:
            info = self._fill(
                self._place(number), number, model, files, record, f"{RECORD}/{_unique(number)}"
            )
            # Another push of this model may have come first; its record stays, ours is swept.
            created = not self.whole(number)
            if created:
                self._mark(self._place(number), info)
            return number, created
        staged = posixpath.join(self._folder, _unique(number))
        self._mark(staged, self._fill(staged, number, model, files, record, RECORD))
        created = self._storage.rename_folder(staged, self._place(number))
        if not created:
            self._storage.delete(staged)
            self._check_same(number, content_digest(files))
        return number, created

    def remove(self, number: int) -> None:
        """Deletes a version; its number is never given out again."""
        self._storage.create(posixpath.join(self._claims, f"{number:08d}.pruned"), b"")
        if self._storage.renames_folders:
            doomed = posixpath.join(self._folder, f"0-{number}-{uuid.uuid4().hex[:8]}")
            self._storage.write(
                posixpath.join(self._folder, "README"), b"Nothing here is in use.\n"
            )
            self._storage.rename_folder(self._place(number), doomed)
            self._storage.delete(doomed)
        else:
            self._storage.delete(marker_path(self._place(number)))
            self._storage.delete(self._place(number))

    def sweep(self) -> None:
        """Deletes what was left behind by pushes that ended more than a day ago."""
        for folder in {*self._staged(), *self._lost_records()}:
            started = int(posixpath.basename(folder).split("-")[0])
            if started < time.time() - _ABANDONED_SECONDS:
                self._storage.delete(folder)

    def _staged(self) -> set[str]:
        """Folders of versions on their way."""
        patterns = ("*/*", "*/*/*", "*/*/*/*")
        found = (self._storage.glob(self._folder, pattern) for pattern in patterns)
        prefix = self._folder + "/"
        return {
            prefix + path.removeprefix(prefix).split("/")[0] for paths in found for path in paths
        }

    def _lost_records(self) -> set[str]:
        """Folders of records that no marker names."""
        if self._storage.renames_folders:
            return set()
        lost = set()
        for path in self._storage.glob(self._path, f"*/{RECORD}/*-*-*/**"):
            number, _, name = path.removeprefix(self._path + "/").split("/")[:3]
            if not (self.whole(int(number)) and self._info(int(number)).record.endswith(name)):
                lost.add(posixpath.join(self._path, number, RECORD, name))
        return lost

    def _place(self, number: int) -> str:
        return posixpath.join(self._path, str(number))

    def _claim(self, digest: str) -> int:
        """The number that belongs to this model: given out once, found again by a retry."""
        for attempt in range(_ATTEMPTS):
            claims = self._storage.glob(self._claims, "*")
            known = self._claimed_by(claims, digest)
            if known:
                return known
            # A number that another push announced may become this very model's: not to be skipped,
            # unless that push was killed and nothing comes of it.
            taken = claims if attempt >= _PATIENCE else [c for c in claims if "~" not in c]
            number = 1 + max([0, *leading_numbers(taken), *self._present()])
            claim = json.dumps({"digest": digest}).encode()
            if self._storage.create(posixpath.join(self._claims, f"{number:08d}.json"), claim):
                return number
        raise OSError(
            f"could not get a version number in {self._path}: {_ATTEMPTS} others came first"
        )

    def _claimed_by(self, claims: list[str], digest: str) -> int:
        pruned = set(leading_numbers([path for path in claims if path.endswith(".pruned")]))
        for path in reversed([path for path in claims if path.endswith(".json")]):
            [number] = leading_numbers([path])
            if number not in pruned and digest.encode() in self._storage.read(path):
                return number
        return 0

    def _present(self) -> list[int]:
        return leading_numbers(
            [posixpath.dirname(p) for p in self._storage.glob(self._path, f"*/{MODEL_FILE}")]
        )

    def _fill(
        self,
        target: str,
        number: int,
        model: str,
        files: Mapping[str, str],
        record: Mapping[str, bytes],
        record_folder: str,
    ) -> VersionInfo:
        """Writes a version's files and checks them; returns what the marker must say."""
        all_files = {
            f"{record_folder}/{name}": hashlib.sha256(data).hexdigest()
            for name, data in record.items()
        }
        for name, data in record.items():
            self._storage.write(posixpath.join(target, record_folder, name), data)
        for path in sorted(files, key=lambda path: path == MODEL_FILE):
            all_files[path] = self._storage.copy(
                posixpath.join(model, path), posixpath.join(target, path)
            )
        digest = content_digest({path: all_files[path] for path in files})
        wrong = wrong_files(target, {**all_files, **files})
        if wrong:
            raise OSError(f"wrote {target}, but these files read back differently: {wrong}")
        return VersionInfo(
            number=number,
            name=self._name,
            digest=digest,
            created=now(),
            files=all_files,
            record=record_folder,
        )

    def _mark(self, target: str, info: VersionInfo) -> None:
        self._storage.write(marker_path(target), info.model_dump_json(indent=2).encode())

    def _info(self, number: int) -> VersionInfo:
        marker = self._storage.read(marker_path(self._place(number)))
        return VersionInfo.model_validate_json(marker)

    def _check_same(self, number: int, digest: str) -> None:
        place = self._place(number)
        if not self.whole(number):
            raise OSError(
                f"{place} is in the way: it was not put there by a push; move it elsewhere"
            )
        if self._info(number).digest != digest:
            raise OSError(f"{place} holds another model than the one that number was given to")


def _unique(number: int) -> str:
    """A name that no other push has; its age can be told from it."""
    return f"{int(time.time())}-{number}-{uuid.uuid4().hex[:8]}"


def content_digest(files: Mapping[str, str]) -> str:
    """One SHA-256 for a set of files, from their paths and digests."""
    lines = "".join(f"{path}\0{digest}\n" for path, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
