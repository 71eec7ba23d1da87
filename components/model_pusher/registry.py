"""The registry: a folder that keeps every pushed version and knows which one serves.

It lies on a disk or an object store, wherever Beam reaches.

    registry = Registry("registry", "scenes")
    registry.push("export/Format-Serving", {"metrics.json": b"{}"})
    registry.in_service().path        # registry/scenes/1: a SavedModel
    registry.rollback()

`<root>/<name>` is a TF Serving base path.

Layout (dot-names are ignored by TF Serving):

    <root>/<name>/<number>/            the SavedModel; `record/` holds what is known about it
    <root>/<name>/.registry/claims/    a file per number given out, naming the model it went to
    <root>/<name>/.registry/pointer/   the log of moves; the newest names the version in service
    <root>/<name>/.registry/staging/   versions on their way in or out
"""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Mapping

from components.model_pusher.pointer import Move, Pointer
from components.model_pusher.staging import Staging
from components.model_pusher.storage import Storage, normal, storage_for, walk
from components.model_pusher.version import MARKER, MODEL_FILE, RECORD, Version
from trainer.errors import UserError

_STATE = ".registry"


@dataclasses.dataclass(frozen=True)
class Pushed:
    """What a push did.

    Attributes:
      version: the version that holds the model.
      created: False where the registry held this very model already.
      promoted: whether the pointer moved to it.
      reason: why the pointer moved or stayed, in a sentence.
    """

    version: Version
    created: bool
    promoted: bool
    reason: str


class Registry:
    """The versions of one model.

    Args:
      root: the registry's folder; any path that Beam reaches.
      name: the model's name.
      storage: for tests.
    """

    def __init__(self, root: str, name: str, storage: Storage | None = None) -> None:
        self.root = normal(root)
        self.name = name
        self.path = posixpath.join(self.root, name)
        self._storage = storage or storage_for(self.root)
        state = posixpath.join(self.path, _STATE)
        self._pointer = Pointer(self._storage, posixpath.join(state, "pointer"))
        self._staging = Staging(self._storage, self.path, name, state)

    def versions(self) -> tuple[Version, ...]:
        """All whole versions, by number."""
        markers = self._storage.glob(self.path, f"*/{RECORD}/{MARKER}")
        numbers = (path.split("/")[-3] for path in markers)
        return tuple(
            self._version(n) for n in sorted(int(text) for text in numbers if text.isdigit())
        )

    def version(self, number: int) -> Version:
        """One version. Raises: UserError where there is none of that number."""
        if self._staging.whole(number):
            return self._version(number)
        known = ", ".join(str(version.number) for version in self.versions()) or "none"
        raise UserError(
            f"{self.path} has no version {number}; it has: {known}",
            fix="name one of the versions that `imagemill models list` shows",
        )

    def in_service(self) -> Version | None:
        """The version that should answer requests, or None before the first push."""
        for move in reversed(self._pointer.moves()):
            if self._staging.whole(move.version):
                return self._version(move.version)
        return None

    def history(self) -> list[Move]:
        """Every change of the version in service, oldest first."""
        return self._pointer.moves()

    def push(
        self,
        model: str,
        record: Mapping[str, bytes],
        *,
        promote: bool = True,
        baseline: int | None = None,
        reason: str = "pushed",
    ) -> Pushed:
        """Files a model as a new version and puts it in service.

        Safe to repeat and to run twice at once: the same model never becomes two versions. Killed
          anywhere, the
        registry serves what it served before, or the new version whole.

        Args:
          model: a SavedModel folder.
          record: content of the files to keep beside it, by name (may contain `/`).
          promote: False files the version without putting it in service.
          baseline: the version it was compared with (0: there was none); where another one is in
            service by now, the new version is filed but not put in service. None: do not check.
          reason: for the history.
        """
        if MODEL_FILE not in walk(model):
            raise UserError(
                f"{model} is not a SavedModel: it holds no {MODEL_FILE}",
                fix="push an exported model's folder",
            )
        number, created = self._staging.add(model, record)
        version = self._version(number)
        if not promote:
            return Pushed(version, created, False, "filed without being put in service, as asked")
        promoted, why = self._put_in_service(number, baseline, reason)
        return Pushed(version, created, promoted, why)

    def promote(self, number: int, reason: str = "promoted by hand") -> Version:
        """Puts a version in service. Raises: UserError where there is none of that number."""
        version = self.version(number)
        self._pointer.move(
            lambda latest: (
                None
                if latest and latest.version == number
                else (number, latest.version if latest else 0, reason)
            )
        )
        return version

    def rollback(self, reason: str = "rolled back") -> Version:
        """Puts back the version that was in service before; again, the one before that.

        Raises: UserError where there is nothing to go back to.
        """
        moves = self._pointer.moves()
        target = self._before(moves, moves[-1]) if moves else 0
        if not target:
            raise UserError(
                f"{self.path} has no earlier version to roll back to",
                fix="choose a version with `imagemill models promote`",
            )
        earlier = next(move for move in reversed(moves) if move.version == target)
        self._pointer.move(lambda _: (target, earlier.previous, reason))
        return self._version(target)

    def rollback_target(self) -> Version | None:
        """The version that `rollback` would put in service."""
        moves = self._pointer.moves()
        target = self._before(moves, moves[-1]) if moves else 0
        return self._version(target) if target else None

    def prune(self, keep: int) -> list[int]:
        """Deletes versions, except the `keep` newest, the one in service and the one rollback goes
        to.

        Also clears what killed pushes left behind.

        Returns: the numbers that were deleted.
        """
        gone = self.prunable(keep)
        for number in gone:
            self._staging.remove(number)
        self._staging.sweep()
        return gone

    def prunable(self, keep: int) -> list[int]:
        """The numbers that `prune` would delete."""
        versions = self.versions()
        spared = {version.number for version in versions[max(0, len(versions) - keep) :]}
        spared |= {v.number for v in (self.in_service(), self.rollback_target()) if v}
        return [version.number for version in versions if version.number not in spared]

    def _version(self, number: int) -> Version:
        return Version(number, posixpath.join(self.path, str(number)), self._storage)

    def _before(self, moves: list[Move], move: Move) -> int:
        """The version a rollback from `move` reaches, skipping those deleted since; 0 for none."""
        seen = {move.version}
        target = move.previous
        while target and (target in seen or not self._staging.whole(target)):
            seen.add(target)
            earlier = [m for m in moves if m.version == target and m.sequence < move.sequence]
            target = next((m.previous for m in reversed(earlier) if m.previous not in seen), 0)
        return target

    def _put_in_service(self, number: int, baseline: int | None, reason: str) -> tuple[bool, str]:
        why = ""

        def decide(latest: Move | None) -> tuple[int, int, str] | None:
            nonlocal why
            current = latest.version if latest else 0
            why = _reason_to_stay(current, number, baseline)
            return None if why else (number, current, reason)

        moved = self._pointer.move(decide)
        return moved is not None, why or f"version {number} is in service"


def _reason_to_stay(current: int, number: int, baseline: int | None) -> str:
    if current == number:
        return f"version {number} is in service already"
    if current > number:
        return f"version {current}, in service, is newer than version {number}"
    if baseline is not None and current != baseline:
        compared = f"version {baseline}" if baseline else "no other version"
        return (
            f"version {number} was compared with {compared}, but version {current} is in service "
            "by now: "
            "evaluate it again, or put it in service with `imagemill models promote`"
        )
    return ""


def names(root: str) -> list[str]:
    """Names of the models in a registry's folder, sorted."""
    root = normal(root)
    storage = storage_for(root)
    markers = storage.glob(root, f"*/*/{RECORD}/{MARKER}")
    return sorted({path.split("/")[-4] for path in markers})


def open_registry(path: str) -> Registry | None:
    """The registry that `path` means: `<root>/<name>`, or a root with one name. None where it is
    neither.

    Raises: UserError for a root with several names.
    """
    path = normal(path)
    root, name = posixpath.split(path)
    registry = Registry(root, name)
    if registry.versions():
        return registry
    found = names(path)
    if len(found) > 1:
        raise UserError(
            f"{path} holds several models: {', '.join(found)}",
            fix=f"name one, such as {posixpath.join(path, found[0])}",
        )
    return Registry(path, found[0]) if found else None


def resolve_version(path: str) -> Version | None:
    """The version in service of the registry that `path` means, or None where it is not a registry.

    Raises: UserError for a registry with nothing in service.
    """
    registry = open_registry(path)
    if registry is None:
        return None
    version = registry.in_service()
    if version is None:
        raise UserError(
            f"{registry.path} has versions, but none is in service",
            fix=f"choose one with `imagemill models promote {registry.path} NUMBER`",
        )
    return version


def resolve_model(path: str) -> str:
    """The SavedModel folder that `path` means.

    Args:
      path: a SavedModel folder, `<root>/<name>` of a registry, or a registry's root that holds one
        name.

    Raises: UserError where it is none of these.
    """
    path = normal(path)
    if storage_for(path).exists(posixpath.join(path, MODEL_FILE)):
        return path
    version = resolve_version(path)
    if version is None:
        raise UserError(
            f"{path!r} is neither a SavedModel nor a registry",
            fix="give the folder that `imagemill run` pushed to, or a folder with a saved_model.pb",
        )
    return version.local_path()


def read_lineage(version: Version) -> dict[str, str]:
    """Ids of what the version was made from; {} where it was pushed without."""
    return {key: str(value) for key, value in dict(version.read_json("lineage.json")).items()}
