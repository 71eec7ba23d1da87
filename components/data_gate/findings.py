"""What the gate found: kinds, levels, the files concerned, and what to do about them.

report = GateReport(images=2100, findings=(finding, ...))
report.refused, report.at("error")
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from pydantic import Field

from components.data_gate.kinds import KINDS
from components.data_gate.policy import Level, Policy
from trainer.settings import Settings

FINDINGS_FILE = "findings.json"


class ImageRef(Settings):
    """One image of the data."""

    path: str = Field(description="Path below the data's root.")
    class_name: str = Field("", description="Class that its folder or the manifest gives it.")
    split: str = Field(
        "", description="Split that it is in; empty for a file that became no example."
    )


class Item(Settings):
    """One instance of a finding: an image, a group of images, a class or a feature."""

    subject: str = Field(description="What it is about: a path, a class or a feature.")
    detail: str = Field(description="The fact, in a few words, with the value and the limit.")
    images: tuple[ImageRef, ...] = Field((), description="The images concerned.")


class Finding(Settings):
    """All instances of one kind."""

    kind: str = Field(description="Key of the policy, such as `leakage`.")
    level: Level = Field(description="error, warn or ignore, by the policy.")
    count: int = Field(description="Number of images (or classes, features) concerned.")
    total: int = Field(description="Number that there could be.")
    unit: str = Field(description="What is counted, such as `images`.")
    limit: str = Field(description="How many are tolerated before the run stops.")
    items: tuple[Item, ...] = Field(
        description="The instances, the worst first; bounded by the config."
    )
    items_total: int = Field(description="Number of instances, listed or not.")

    @property
    def title(self) -> str:
        """What this is, for a person."""
        return KINDS[self.kind].title

    @property
    def fix(self) -> str:
        """What to do about it, in the imperative."""
        return KINDS[self.kind].fix


class ClassSummary(Settings):
    """The images of one class, in figures."""

    name: str = Field(description="The class.")
    images: int = Field(description="Readable images in it.")
    medians: dict[str, float] = Field(description="Median of each measure, by its name.")


class GateReport(Settings):
    """The outcome of the gate."""

    images: int = Field(description="Images that were looked at.")
    findings: tuple[Finding, ...] = Field(
        description="Errors first, then warnings, then ignored ones."
    )
    classes: tuple[ClassSummary, ...] = Field((), description="Figures of each class, by name.")
    notes: tuple[str, ...] = Field((), description="What could not be looked for, and why.")

    @property
    def refused(self) -> bool:
        """True where the data must not go into training."""
        return any(finding.level == "error" for finding in self.findings)

    def at(self, level: Level) -> tuple[Finding, ...]:
        """The findings of one level."""
        return tuple(finding for finding in self.findings if finding.level == level)

    def kind(self, name: str) -> Finding | None:
        """The finding of one kind, if there is one."""
        return next((finding for finding in self.findings if finding.kind == name), None)


@dataclasses.dataclass(frozen=True)
class Raw:
    """What a detector saw, before any policy.

    Attributes:
      kind: key of `KINDS`.
      items: instances, the worst first.
      count: number of images (or classes, features) concerned.
      total: number that there could be.
    """

    kind: str
    items: Sequence[Item]
    count: int
    total: int


def judge(
    raws: Iterable[Raw],
    policies: Settings,
    files_listed: int,
    *,
    images: int,
    classes: Iterable[ClassSummary] = (),
    notes: Iterable[str] = (),
) -> GateReport:
    """Applies the policies and sorts: errors first, then in the order of `KINDS`.

    Args:
      raws: what the detectors saw.
      policies: one a kind.
      files_listed: instances of one finding that are kept at most.
      images: number of images that were looked at.
      classes: figures of each class.
      notes: what could not be looked for, and why.
    """
    found = [_finding(raw, getattr(policies, raw.kind), files_listed) for raw in raws if raw.count]
    order = {"error": 0, "warn": 1, "ignore": 2}
    rank = list(KINDS).index
    return GateReport(
        images=images,
        findings=tuple(sorted(found, key=lambda f: (order[f.level], rank(f.kind)))),
        classes=tuple(classes),
        notes=tuple(notes),
    )


def _finding(raw: Raw, policy: Policy, files_listed: int) -> Finding:
    return Finding(
        kind=raw.kind,
        level=policy.level(raw.count, raw.total),
        count=raw.count,
        total=raw.total,
        unit=KINDS[raw.kind].unit,
        limit=policy.limit_text(),
        items=tuple(raw.items[:files_listed]),
        items_total=len(raw.items),
    )
