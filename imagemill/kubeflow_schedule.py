"""`imagemill kubeflow schedule`: the config's schedule as a recurring run of KFP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from imagemill.kubeflow_parts import cluster_of, compiled, values_of

if TYPE_CHECKING:
    from kubeflow.schedule import Recurring
    from pipeline.config import Config


@click.command("schedule")
@click.option("--config", "config_file", metavar="FILE", required=True, help="YAML config to run.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set any config key.")
@click.option("-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE")
@click.option("--host", default=None, help="Address of the KFP API; default: `kubeflow.host`.")
@click.option("--namespace", default=None, help="Namespace; default: `kubeflow.namespace`.")
@click.option("--cron", default=None, help='Five fields, as "0 3 * * *".')
@click.option("--every", default=None, help="Every so often, as 6h.")
@click.option("--timezone", default=None, help="Zone of --cron; must be the controller's.")
@click.option(
    "--cluster-timezone",
    default="UTC",
    show_default=True,
    help="Zone of KFP's controller (CRON_SCHEDULE_TIMEZONE).",
)
@click.option("--list", "action", flag_value="list", help="Show it, change nothing.")
@click.option("--enable", "action", flag_value="enable", help="Switch it on.")
@click.option("--disable", "action", flag_value="disable", help="Switch it off.")
@click.option("--delete", "action", flag_value="delete", help="Delete it.")
def command(config_file: str, action: str | None, **options: Any) -> None:
    """Create or update the recurring run of a config; one model has one.

    The pipeline is compiled and uploaded as a version, which the recurring run is pinned to. At most one run at a
    time, none made up for. With nothing new a run ends after `retrain-check`.

    \b
    imagemill kubeflow schedule --config scenes.yaml --cron "0 3 * * *"
    imagemill kubeflow schedule --config scenes.yaml --disable
    """
    from kubeflow import schedule as recurring

    config = _config(config_file, options)
    if action is None:
        _apply(config, options)
        return
    cluster = cluster_of(config, options["host"], options["namespace"])
    if action == "list":
        found = recurring.listed(cluster, config)
    elif action == "delete":
        found = recurring.delete(cluster, config)
    else:
        found = recurring.switch(cluster, config, enabled=action == "enable")
    for item in found:
        click.echo(_line(item) + (" (deleted)" if action == "delete" else ""))
    if not found:
        click.echo(f"no recurring run of {config.name}")


def _apply(config: Config, options: dict[str, Any]) -> None:
    from kubeflow.schedule import apply
    from pipeline.schedule.clock import Clock
    from pipeline.schedule.unattended import with_a_reason

    # A wrong schedule is said before half a minute of compiling.
    Clock.of(config.schedule)
    config = with_a_reason(config)
    cluster = cluster_of(config, options["host"], options["namespace"])
    zone = options["cluster_timezone"]
    given = values_of(options["parameters"])
    applied = apply(cluster, config, compiled(config), given, controller_zone=zone)
    click.echo(f"{applied.action}: {_line(applied.recurring)}")
    for moment in applied.upcoming:
        local = moment.astimezone()
        click.echo(f"next: {moment:%Y-%m-%d %H:%M} {zone} (here {local:%Y-%m-%d %H:%M %Z})")


def _config(config_file: str, options: dict[str, Any]) -> Config:
    from imagemill.options import overrides
    from pipeline.config import load_config, merge

    given = {key: options[key] for key in ("cron", "every", "timezone") if options[key] is not None}
    if "cron" in given or "every" in given:
        given = {"cron": "", "every": "", "watch": "", **given}
    return load_config(config_file, merge({"schedule": given}, overrides({}, options["settings"])))


def _line(item: Recurring) -> str:
    state = "enabled" if item.enabled else "disabled"
    return f"{item.name} {item.id} [{item.trigger}] {state}, version {item.version_id}"
