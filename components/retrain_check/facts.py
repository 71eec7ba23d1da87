"""What a decision rests on, gathered before it is made, so that making it needs no file and no clock."""

from __future__ import annotations

import datetime
from typing import Literal

from pydantic import Field

from trainer.settings import Settings

Outcome = Literal[
    "pushed", "unchanged", "refused_data", "refused_model", "failed", "interrupted", "lost"
]
REFUSED: tuple[Outcome, ...] = ("refused_data", "refused_model")
BROKEN: tuple[Outcome, ...] = ("failed", "lost")


class Served(Settings):
    """What is known of the model in service."""

    version: int = Field(description="Its version in the registry.")
    data_version: str = Field(description="Fingerprint of the data that it was trained on.")
    run_version: str = Field(description="Fingerprint of the config and code that made it.")
    created: str = Field("", description="When it was filed, UTC, ISO 8601; empty: not known.")


class DataChange(Settings):
    """Incoming data against the data of the model in service, from two listings."""

    images: int = Field(ge=0, description="Images listed now.")
    added: int = Field(ge=0, description="Files that were not there.")
    modified: int = Field(ge=0, description="Files of another size, time or checksum.")
    removed: int = Field(ge=0, description="Files that are gone.")
    share: float = Field(ge=0, description="All three, as a share of the images that there were.")
    added_per_class: dict[str, int] = Field(description="New and modified files by class.")
    new_classes: tuple[str, ...] = Field(description="Classes that there were not.")
    vanished_classes: tuple[str, ...] = Field(description="Classes that are gone.")

    @property
    def total(self) -> int:
        """Files added, modified and removed."""
        return self.added + self.modified + self.removed


class DriftFinding(Settings):
    """One comparison of incoming images with the reference."""

    what: str = Field(description="What was compared, such as `classes` or `brightness`.")
    distance: float = Field(
        ge=0, description="L-infinity for classes, else Jensen-Shannon; 0 to 1."
    )
    limit: float = Field(ge=0, description="More than this is drift.")
    detail: str = Field("", description="The class or measure that differs most.")

    @property
    def drifted(self) -> bool:
        """Whether the limit is exceeded."""
        return self.distance > self.limit


class LastRun(Settings):
    """The run before this one, from the history."""

    outcome: Outcome = Field(description="How it ended; `lost` where nobody wrote that down.")
    time: str = Field(description="When it ended, or began if it was lost; UTC, ISO 8601.")
    data_version: str = Field(description="Fingerprint of its data.")
    run_version: str = Field(description="Fingerprint of its config and code.")
    reason: str = Field("", description="Why it ended so, in a sentence.")
    failures: int = Field(0, ge=0, description="Crashes in a row on these data, config and code.")


class Facts(Settings):
    """Everything that `decide` looks at."""

    now: datetime.datetime = Field(description="The time of the decision, with its time zone.")
    data_version: str = Field(description="Fingerprint of the input as listed now.")
    run_version: str = Field(description="Fingerprint of the config and code of this run.")
    forced: bool = Field(False, description="A person asked for a run.")
    in_service: Served | None = Field(None, description="The model in service, if there is one.")
    change: DataChange | None = Field(
        None,
        description="What changed in the data; null where there is no model, nothing changed, or "
        "that model's listing was not kept.",
    )
    drift: tuple[DriftFinding, ...] = Field((), description="Comparisons that were made.")
    last_run: LastRun | None = Field(None, description="The run before, if there was one.")
