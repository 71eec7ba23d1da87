"""`imagemill status`: whether the model in service is fresh and its runs end well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trainer.errors import ExitCode, UserError

if TYPE_CHECKING:
    from pipeline.status import Status


@click.command()
@click.argument("where")
@click.option("--max-age", default="", help="Older than this is a problem, such as 30d.")
@click.option(
    "--max-silence", default="", help="Longer without a success is a problem, such as 2d."
)
@click.option("--format", "form", type=click.Choice(["text", "json", "prometheus"]), default="text")
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
def command(where: str, max_age: str, max_silence: str, form: str) -> int:
    """Tell how a model is doing; exit with 6 where something is not well.

    WHERE is a config file, or REGISTRY/NAME. For Prometheus's textfile collector:

    \b
    imagemill status scenes.yaml --format prometheus > /var/lib/node_exporter/scenes.prom
    """
    import datetime

    from pipeline.status import Limits, prometheus, read_status

    root, name, age = _place(where)
    limits = Limits(
        max_age=_length("--max-age", max_age or age),
        max_silence=_length("--max-silence", max_silence),
    )
    status = read_status(root, name, limits, datetime.datetime.now(datetime.timezone.utc))
    if form == "json":
        click.echo(status.model_dump_json(indent=2))
    elif form == "prometheus":
        click.echo(prometheus(status), nl=False)
    else:
        _print(status)
    return int(ExitCode.OK if status.healthy else ExitCode.UNHEALTHY)


def _length(flag: str, text: str) -> str:
    """A length of time given by a flag, checked."""
    from components.durations import to_timedelta

    try:
        to_timedelta(text or "1s")
    except ValueError as error:
        raise UserError(f"{flag}: {error}", fix=f"write {flag} 30d") from None
    return text


def _place(where: str) -> tuple[str, str, str]:
    """Registry, name, and the age that the config allows."""
    import posixpath
    from pathlib import Path

    from components.model_pusher.registry import open_registry
    from pipeline.config import load_config

    if Path(where).is_file():
        config = load_config(where)
        stale = config.retrain.max_age if "age" in config.retrain.conditions else ""
        return config.registry_root, config.name, stale
    registry = open_registry(where)
    if registry is not None:
        return registry.root, registry.name, ""
    root, name = posixpath.split(where.rstrip("/"))
    if not root or not Path(where).is_dir():
        raise UserError(
            f"{where!r} is neither a config file nor a model in a registry",
            fix="name a config file, or REGISTRY/NAME",
        )
    return root, name, ""


def _print(status: Status) -> None:
    import datetime

    from components.durations import roughly

    age = roughly(datetime.timedelta(seconds=status.age_seconds or 0))
    served = f"version {status.version}, {age} old" if status.version else "none"
    lines = [
        ("model", status.name),
        ("in service", served),
        ("last check", f"{status.last_check[:19]} {status.last_decision}: {status.last_reason}"),
        ("last run", f"{status.last_run[:19]} {status.last_outcome}: {status.last_run_reason}"),
        ("last success", status.last_success[:19] or "never"),
    ]
    for label, text in lines:
        click.echo(f"{label:<13} {text.strip(' :') or 'never'}")
    for problem in status.problems:
        click.echo(click.style("Not well: ", fg="red", bold=True) + problem)
    if status.healthy:
        click.echo(click.style("All is well.", fg="green"))
