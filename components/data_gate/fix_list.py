"""Findings as a CSV to act on: one row per file and finding, with what to do and which copy to keep.

    write_fix_list(report, "fix.csv")
    text = fix_list(report)

Columns: action (delete, review, replace), path, class, split, finding, level, keep, detail.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from components.data_gate.findings import Finding, GateReport, ImageRef, Item

COLUMNS = ("action", "path", "class", "split", "finding", "level", "keep", "detail")
_COPIES = ("leakage", "near_leakage", "exact_duplicates", "near_duplicates")
_WORSE = ("leakage", "near_leakage", "label_conflicts", "near_label_conflicts")


def write_fix_list(report: GateReport, path: str) -> int:
    """Writes the list; returns the number of rows."""
    rows = _all_rows(report)
    Path(path).write_text(_csv(rows), encoding="utf-8")
    return len(rows)


def fix_list(report: GateReport) -> str:
    """The list as CSV with a header."""
    return _csv(_all_rows(report))


def _csv(rows: Sequence[tuple[str, ...]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return buffer.getvalue()


def _all_rows(report: GateReport) -> list[tuple[str, ...]]:
    """A group of duplicates that is leakage or a label conflict is listed as that alone."""
    worse = {item.images for f in report.findings if f.kind in _WORSE for item in f.items}
    return [row for finding in report.findings for row in _rows(finding, worse)]


def _rows(finding: Finding, worse: Collection[tuple[ImageRef, ...]]) -> Iterator[tuple[str, ...]]:
    for item in finding.items:
        if finding.kind in _WORSE or item.images not in worse:
            yield from (
                _of_copies(finding, item) if finding.kind in _COPIES else _of_each(finding, item)
            )


def _of_copies(finding: Finding, item: Item) -> Iterator[tuple[str, ...]]:
    """The first image is kept (train before others); of leaks, only copies outside its split go."""
    keep = item.images[0]
    leak = finding.kind in ("leakage", "near_leakage")
    for image in item.images[1:]:
        if not leak or image.split != keep.split:
            place = (image.path, image.class_name, image.split)
            action = "review" if finding.kind.startswith("near") else "delete"
            yield (action, *place, finding.kind, finding.level, keep.path, item.detail)


def _of_each(finding: Finding, item: Item) -> Iterator[tuple[str, ...]]:
    action = "replace" if finding.kind == "unreadable_files" else "review"
    for image in item.images:
        place = (image.path, image.class_name, image.split)
        yield (action, *place, finding.kind, finding.level, "", item.detail)
