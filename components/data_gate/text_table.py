"""Findings as plain text, for an error message and a log.

print(text_table(report, files_shown=3))
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from components.data_gate.findings import Finding, GateReport, Item
from components.printable import printable

_WIDTH = 300
_INDENT = 7
MARKS = {"error": "ERROR", "warn": "warn", "ignore": "ignored"}


def text_table(
    report: GateReport, *, files_shown: int = 3, levels: Iterable[str] = ("error", "warn")
) -> str:
    """One block a finding: what, how many, which files, what to do; then what could not be looked for."""
    found = [finding for finding in report.findings if finding.level in set(levels)]
    lines = [line for finding in found for line in block(finding, files_shown)]
    return "\n".join([*lines, *(f"{'note':{_INDENT}}{note}" for note in report.notes)])


def headline(finding: Finding) -> str:
    """Such as `same image in two splits: 3 of 3,000 images outside train (tolerated: 0)`."""
    tolerated = "" if finding.limit == "none" else f" (tolerated: {finding.limit})"
    return f"{finding.title}: {finding.count:,} of {finding.total:,} {finding.unit}{tolerated}"


def item_text(item: Item, shown: int = 4) -> str:
    """Such as `a.jpg = b.jpg: 2 images in train sea, test sea`."""
    names = [printable(image.path) for image in item.images[:shown]]
    more = f" = {len(item.images) - shown} more" if len(item.images) > shown else ""
    return f"{' = '.join(names) or printable(item.subject)}{more}: {item.detail}"


def block(finding: Finding, files_shown: int) -> Iterator[str]:
    """The lines of one finding: what and how many, the files, what to do."""
    yield f"{MARKS[finding.level]:{_INDENT}}{headline(finding)}"
    for item in finding.items[:files_shown]:
        yield " " * _INDENT + textwrap.shorten(item_text(item), _WIDTH, placeholder=" ...")
    rest = finding.items_total - min(files_shown, len(finding.items))
    if rest > 0 and files_shown:
        yield " " * _INDENT + f"... and {rest:,} more"
    yield " " * _INDENT + f"-> {finding.fix}  [gate.policies.{finding.kind}]"
