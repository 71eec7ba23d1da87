"""The names of what figures are reported by, `evaluate.slice_by`, and what is wrong with a mistyped one."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from trainer.errors import UserError
from trainer.features import COLUMN_PREFIX

BUILT_IN = ("class", "brightness", "size")


def check_name(name: str) -> str:
    """The name itself. Raises: ValueError where it is no slice feature."""
    is_column = name.startswith(COLUMN_PREFIX) and name != COLUMN_PREFIX
    if not is_column and name not in BUILT_IN:
        raise ValueError(
            f"must be {', '.join(BUILT_IN)} or {COLUMN_PREFIX}NAME with a column of the manifest, "
            f"got {name!r}{_hint(name, [*BUILT_IN, COLUMN_PREFIX + name])}"
        )
    return name


def check_columns(slice_by: Iterable[str], columns: Collection[str]) -> None:
    """Compares with the manifest's columns. Raises: UserError for one that there is not."""
    for name in slice_by:
        column = name.removeprefix(COLUMN_PREFIX)
        if name not in BUILT_IN and column not in columns:
            known = ", ".join(map(repr, sorted(columns))) or "none besides path, label and split"
            raise UserError(
                f"evaluate.slice_by names the column {column!r}, for which no image has a value"
                f"{_hint(column, columns)}; columns of the manifest: {known}",
                fix="correct evaluate.slice_by, or leave it out; what was trained is reused",
            )


def _hint(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
