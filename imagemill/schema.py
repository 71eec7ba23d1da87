"""`imagemill schema show|diff|accept`: the accepted schema of a model's data, kept with the registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagemill.options import json_flag
from trainer.errors import ExitCode, UserError

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

    from components.data_gate.schema_store import AcceptedSchema, SchemaStore

_REGISTRY = click.argument("registry")
_VERSION = click.option(
    "--version", type=click.IntRange(1), help="An earlier version of the schema."
)


@click.group()
def command() -> None:
    """Show, compare and accept the schema of the data.

    The first run files what it infers. Data of later runs must fit; where it does not, the run stops and leaves a
    proposal, which `diff` shows and `accept` files. REGISTRY is the registry's folder (if it holds one model) or
    REGISTRY/NAME.
    """


@command.command()
@_REGISTRY
@_VERSION
@click.option("--text", is_flag=True, help="Print the text that is stored and may be edited.")
@json_flag
def show(registry: str, version: int | None, text: bool, as_json: bool) -> None:
    """Print the accepted schema."""
    from rich.console import Console
    from rich.table import Table

    from components.data_gate.schema_store import schema_text
    from components.data_gate.schema_view import rows

    store = _store(registry)
    accepted = _accepted(store, version)
    if text:
        click.echo(schema_text(accepted.schema), nl=False)
        return
    if as_json:
        names = ("feature", "type", "present", "domain")
        features = [dict(zip(names, row, strict=True)) for row in rows(accepted.schema)]
        facts = {"version": accepted.number, "path": accepted.path, "features": features}
        click.echo(json.dumps({**facts, "proposed": store.proposed() is not None}, indent=2))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("Feature", "Type", "Present", "Domain"):
        table.add_column(heading, overflow="fold")
    for row in rows(accepted.schema):
        table.add_row(*row)
    Console().print(table)
    click.echo(f"Version {accepted.number} of {len(store.numbers())}: {accepted.path}")
    if store.proposed() is not None:
        click.echo("A proposal waits for review: `imagemill schema diff`.")


@command.command()
@_REGISTRY
@_VERSION
@json_flag
def diff(registry: str, version: int | None, as_json: bool) -> int:
    """Compare the accepted schema with the proposal, or an earlier version with the accepted one.

    Exits with 0 where there is no difference, with 3 where there is.
    """
    from components.data_gate.schema_view import differences

    store = _store(registry)
    before = _accepted(store, version)
    after = store.proposed() if version is None else _accepted(store, None).schema
    if as_json:
        found = differences(before.schema, after) if after is not None else []
        click.echo(json.dumps({"version": before.number, "differences": found}, indent=2))
        return int(ExitCode.DATA_REFUSED if found else ExitCode.OK)
    if after is None:
        click.echo(f"Nothing is proposed; version {before.number} is accepted.")
        return int(ExitCode.OK)
    lines = differences(before.schema, after)
    for line in lines:
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        click.echo(click.style(line, fg=colour) if colour else line)
    return int(ExitCode.DATA_REFUSED if lines else ExitCode.OK)


@command.command()
@_REGISTRY
@click.option("--file", metavar="FILE", help="Accept this schema text instead of the proposal.")
def accept(registry: str, file: str | None) -> None:
    """File the proposal, or an edited schema, as the next version."""
    store = _store(registry)
    schema = store.proposed() if file is None else _read(file)
    if schema is None:
        raise UserError(
            f"nothing is proposed in {store.folder}",
            fix="give an edited schema with --file (start from `imagemill schema show --text`)",
        )
    accepted = store.accept(schema)
    click.echo(f"Accepted version {accepted.number}: {accepted.path}")


def _store(path: str) -> SchemaStore:
    from components.data_gate.schema_store import open_store

    return open_store(path)


def _accepted(store: SchemaStore, version: int | None) -> AcceptedSchema:
    accepted = store.accepted(version)
    if accepted is None:
        known = ", ".join(map(str, store.numbers())) or "none"
        raise UserError(
            f"{store.folder} has no schema version {version or ''}".rstrip() + f"; it has: {known}",
            fix="name one that is there; the first `imagemill run` files version 1",
        )
    return accepted


def _read(file: str) -> schema_pb2.Schema:
    from components.data_gate.schema_store import parse_schema

    try:
        return parse_schema(Path(file).read_text(encoding="utf-8"), file)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {file!r}: {error}", fix="check the path") from None
