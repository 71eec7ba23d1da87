"""`imagemill models`: what is in the registry, and which version serves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from components.differences import Changes, changes, flat
from imagemill.comparison import figure, print_changes
from imagemill.options import json_flag
from trainer.errors import UserError

if TYPE_CHECKING:
    from components.model_pusher.registry import Registry
    from components.model_pusher.version import Version

_FIGURES = ("accuracy", "log_loss", "ece", "macro_f1")
_registry = click.argument("registry")
_as_json = json_flag


@click.group()
def command() -> None:
    """List, compare, promote and roll back models.

    REGISTRY is a registry's folder with one model, or REGISTRY/NAME.
    """


@command.command("list")
@_registry
@_as_json
def list_versions(registry: str, as_json: bool) -> None:
    """List versions, the one in service marked."""
    from rich.console import Console
    from rich.table import Table

    opened = _open(registry)
    rows = [_row(version) for version in opened.versions()]
    serving = opened.in_service()
    number = serving.number if serving else 0
    if as_json:
        facts = {"name": opened.name, "in_service": number, "versions": rows}
        click.echo(json.dumps(facts, indent=2))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", title=opened.path)
    for heading in ("", "version", "created (UTC)", *(name.replace("_", " ") for name in _FIGURES)):
        table.add_column(heading, justify="left" if heading in ("", "created (UTC)") else "right")
    for row in rows:
        mark = "in service" if row["version"] == number else ""
        figures = (figure(row["metrics"].get(name)) for name in _FIGURES)
        table.add_row(mark, str(row["version"]), row["created"][:16].replace("T", " "), *figures)
    Console().print(table)


@command.command()
@_registry
@click.argument("number", type=int, required=False)
@click.option("--verify", is_flag=True, help="Compare every file with its digest.")
@_as_json
def show(registry: str, number: int | None, verify: bool, as_json: bool) -> None:
    """Show one version: its model card, or everything as JSON. Default: the one in service."""
    opened = _open(registry)
    version = opened.version(number) if number else _serving(opened)
    if as_json:
        click.echo(json.dumps({**_row(version), "files": version.info.files}, indent=2))
    else:
        click.echo(f"{version.path}\nmodel digest {version.info.digest}\n")
        click.echo(version.read_text("model_card.md") if version.has("model_card.md") else "")
    if verify:
        wrong = version.verify()
        if wrong:
            raise UserError(
                f"version {version.number} is damaged: {', '.join(wrong)}",
                fix="roll back, and restore the files from a backup",
            )
        click.echo(f"All {len(version.info.files)} files are as they were pushed.", err=as_json)


@command.command()
@_registry
@click.argument("old", type=int)
@click.argument("new", type=int)
@_as_json
def diff(registry: str, old: int, new: int, as_json: bool) -> None:
    """Compare two versions: figures, settings, data and lineage."""
    opened = _open(registry)
    found = compare(opened.version(old), opened.version(new))
    none = f"Versions {old} and {new} do not differ in anything that was recorded."
    print_changes(found, as_json=as_json, none=none)


@command.command()
@_registry
@click.argument("number", type=int)
@click.option("--reason", default="promoted by hand", help="For the history.")
@_as_json
def promote(registry: str, number: int, reason: str, as_json: bool) -> None:
    """Put a version in service."""
    _say_in_service(_open(registry).promote(number, reason), as_json)


@command.command()
@_registry
@click.option("--reason", default="rolled back by hand", help="For the history.")
@_as_json
def rollback(registry: str, reason: str, as_json: bool) -> None:
    """Put back the version that was in service before."""
    _say_in_service(_open(registry).rollback(reason), as_json)


@command.command()
@_registry
@_as_json
def history(registry: str, as_json: bool) -> None:
    """List every change of the version in service."""
    moves = _open(registry).history()
    if as_json:
        click.echo(json.dumps([move.model_dump() for move in moves], indent=2))
        return
    for move in moves:
        click.echo(f"{move.time[:19].replace('T', ' ')}  version {move.version}  {move.reason}")


@command.command()
@_registry
@click.option("--keep", type=click.IntRange(0), default=5, show_default=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(registry: str, keep: int, yes: bool) -> None:
    """Delete old versions, never the one in service nor the one that rollback goes to."""
    opened = _open(registry)
    doomed = opened.prunable(keep)
    if not doomed:
        click.echo("Nothing to delete.")
        return
    numbers = ", ".join(map(str, doomed))
    if not yes:
        click.confirm(f"Delete versions {numbers} of {opened.path}?", abort=True)
    opened.prune(keep)
    click.echo(f"Deleted versions {numbers}.")


def _say_in_service(version: Version, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"in_service": version.number, "path": version.path}))
    else:
        click.echo(f"Version {version.number} is in service: {version.path}")


def compare(old: Version, new: Version) -> dict[str, Changes]:
    """What differs between two versions, by section and key."""
    before, after = _facts(old), _facts(new)
    return {section: changes(before[section], after[section]) for section in before}


def _facts(version: Version) -> dict[str, dict[str, Any]]:
    return {
        "metrics": version.read_json("metrics.json").get("overall", {}),
        "settings": flat(version.read_json("config.json")),
        "data": flat(version.read_json("dataset.json")),
        "lineage": version.read_json("lineage.json"),
    }


def _open(path: str) -> Registry:
    from components.model_pusher.registry import open_registry

    registry = open_registry(path)
    if registry is None:
        raise UserError(
            f"there is no model under {path!r}",
            fix="name the registry that `imagemill run` pushed to",
        )
    return registry


def _serving(registry: Registry) -> Version:
    version = registry.in_service()
    if version is None:
        raise UserError(
            f"{registry.path} has nothing in service", fix="name a version, or promote one"
        )
    return version


def _row(version: Version) -> dict[str, Any]:
    metrics = version.read_json("metrics.json").get("overall", {})
    return {
        "version": version.number,
        "path": version.path,
        "created": version.info.created,
        "digest": version.info.digest,
        "metrics": metrics,
    }
