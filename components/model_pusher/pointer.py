"""Which version is in service: a log of moves, of which the newest counts.

Moves are files named by their number, each written only if nobody wrote that number before, so two
writers cannot overwrite each other unseen, and the history that `rollback` needs is there for free.
"""

from __future__ import annotations

import contextlib
import datetime
import posixpath
import re
from collections.abc import Callable

from pydantic import Field, ValidationError

from components.model_pusher.storage import Storage
from trainer.settings import Settings

_ATTEMPTS = 50
_PATIENCE = 10


class Move(Settings):
    """One change of the version in service."""

    sequence: int = Field(ge=1, description="Number of the move, from 1.")
    version: int = Field(ge=1, description="Version in service from then on.")
    previous: int = Field(
        ge=0, description="Version that a rollback goes to; 0 where there is none."
    )
    reason: str = Field(description="Who moved it and why: push, promote or rollback, in words.")
    time: str = Field(description="When, UTC, ISO 8601.")


class Pointer:
    """The log in one folder."""

    def __init__(self, storage: Storage, folder: str) -> None:
        self._storage = storage
        self._folder = folder

    def moves(self) -> list[Move]:
        """All readable moves, oldest first."""
        moves = []
        for path in self._storage.glob(self._folder, "*.json"):
            # A move cut short by a kill, on a disk without hard links, never happened.
            with contextlib.suppress(ValidationError, FileNotFoundError):
                moves.append(Move.model_validate_json(self._storage.read(path)))
        return sorted(moves, key=lambda move: move.sequence)

    def latest(self) -> Move | None:
        """The move that counts, or None where no version was ever in service."""
        moves = self.moves()
        return moves[-1] if moves else None

    def move(self, decide: Callable[[Move | None], tuple[int, int, str] | None]) -> Move | None:
        """Appends a move, deciding again whenever somebody else moved in between.

        Args:
          decide: gets the move that counts now and returns (version, previous, reason), or None to
            leave it.

        Returns: the move that was written, or None where `decide` declined.
        """
        for attempt in range(_ATTEMPTS):
            latest = self.latest()
            decision = decide(latest)
            if decision is None:
                return None
            version, previous, reason = decision
            sequence = 1 + (latest.sequence if latest else 0)
            # A number that others are about to write must not be skipped, or their move is not
            # seen; one that a kill cut short would be in the way for ever.
            if attempt >= _PATIENCE:
                sequence = max([sequence, *(1 + number for number in self._taken())])
            move = Move(
                sequence=sequence, version=version, previous=previous, reason=reason, time=now()
            )
            path = posixpath.join(self._folder, f"{sequence:08d}.json")
            if self._storage.create(path, move.model_dump_json(indent=2).encode()):
                return move
        raise OSError(f"could not write to {self._folder}: {_ATTEMPTS} others came first")

    def _taken(self) -> list[int]:
        return leading_numbers(self._storage.glob(self._folder, "*"))


def leading_numbers(paths: list[str]) -> list[int]:
    """The numbers that the base names of the paths begin with."""
    found = (re.match(r"\d+", posixpath.basename(path)) for path in paths)
    return [int(match.group()) for match in found if match]


def now() -> str:
    """The time, UTC, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
