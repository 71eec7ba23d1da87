"""How differences between two runs or two versions are printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from components.differences import Changes


def print_changes(sections: Mapping[str, Changes], *, as_json: bool, none: str) -> None:
    """Prints each section's keys with both values and, of numbers, the difference; `none` where nothing differs."""
    if as_json:
        click.echo(json.dumps(sections, indent=2))
        return
    for section, changed in sections.items():
        if changed:
            click.echo(f"{section}:")
        for key, (before, after) in changed.items():
            told = f"{figure(before)} -> {figure(after)}{_difference(before, after)}"
            click.echo(f"  {key}: {told}")
    if not any(sections.values()):
        click.echo(none)


def figure(value: Any) -> str:
    """A value in a table: four digits of a float, a dash for none."""
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)


def _difference(before: Any, after: Any) -> str:
    both = isinstance(before, (int, float)) and isinstance(after, (int, float))
    return f"  ({after - before:+.4g})" if both and not isinstance(after, bool) else ""
