"""Images that occur more than once: copies, near duplicates, conflicting labels, leakage between splits.

    findings = duplicate_findings(table, exact_groups(table), near_groups(table))

An exact group has one file content (SHA-256); a near group one look (`components.near_duplicates`) and at least
two contents. Every group is a duplicate; one in two classes is also a label conflict, one in two splits also leakage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from components.data_gate.findings import Item, Raw
from components.data_gate.image_table import ImageTable
from components.near_duplicates import groups, near_duplicates

Group = Sequence[int]


def exact_groups(table: ImageTable) -> list[list[int]]:
    """Rows with equal content, in groups of two and more."""
    return _collect(table.sha256)


def near_groups(table: ImageTable) -> list[list[int]]:
    """Rows that look alike though their contents differ, one row per content, in groups of two and more."""
    first: dict[str, int] = {}
    for row, digest in enumerate(table.sha256):
        first.setdefault(digest, row)
    rows = list(first.values())
    pairs = near_duplicates(table.phash[rows], [table.thumbnails[row] for row in rows])
    roots = groups(len(rows), pairs).tolist()
    return [[rows[member] for member in group] for group in _collect(roots)]


def duplicate_findings(
    table: ImageTable, exact: Iterable[Group], near: Iterable[Group]
) -> list[Raw]:
    """Findings of all six kinds that duplicates can be, those with nothing left out."""
    kinds = [
        *_findings(table, exact, "", "exact_duplicates"),
        *_findings(table, _with_copies(table, near), "near_", "near_duplicates"),
    ]
    return [raw for raw in kinds if raw.count]


def _findings(table: ImageTable, found: Iterable[Group], prefix: str, plain: str) -> list[Raw]:
    every = list(found)
    conflicts = [group for group in every if _classes(table, group) > 1]
    leaks = [group for group in every if _leaked(table, group)]
    total = len(table)
    return [
        _raw(
            table,
            f"{prefix}leakage",
            leaks,
            sum(_leaked(table, g) for g in leaks),
            table.held_out(),
        ),
        _raw(table, f"{prefix}label_conflicts", conflicts, sum(map(len, conflicts)), total),
        _raw(table, plain, every, sum(len(group) - 1 for group in every), total),
    ]


def _raw(table: ImageTable, kind: str, found: Sequence[Group], count: int, total: int) -> Raw:
    return Raw(kind, [_item(table, group) for group in found], count, total)


def _item(table: ImageTable, group: Group) -> Item:
    rows = sorted(group, key=lambda row: (table.splits[row] != "train", table.paths[row]))
    places = sorted({f"{table.splits[row]} {table.class_names[row]}".strip() for row in group})
    return Item(
        subject=table.paths[rows[0]],
        detail=f"{len(group)} images in {', '.join(places)}",
        images=tuple(table.ref(row) for row in rows),
    )


def _with_copies(table: ImageTable, near: Iterable[Group]) -> Iterable[Group]:
    """Near groups with the exact copies of their members added."""
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(table.sha256):
        rows_of[digest].append(row)
    for group in near:
        yield sorted(row for member in group for row in rows_of[table.sha256[member]])


def _classes(table: ImageTable, group: Group) -> int:
    return len({table.class_names[row] for row in group})


def _leaked(table: ImageTable, group: Group) -> int:
    """How many of the group lie outside the first split that holds one of them; 0 where all are in one."""
    splits = [table.splits[row] for row in group]
    first = min(splits, key=_ORDER.index)
    return sum(split != first for split in splits)


_ORDER = ("train", "val", "test", "")


def _collect(keys: Sequence[object]) -> list[list[int]]:
    found: dict[object, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        found[key].append(row)
    return [rows for rows in found.values() if len(rows) > 1]
