"""`imagemill schedule`: runs a config again and again, and only with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from imagemill.options import overrides
from trainer.errors import UserError

if TYPE_CHECKING:
    from pipeline.config import Config

_START = "start"
_config = click.argument("config_file", metavar="CONFIG")


class _StartByDefault(click.Group):
    """`imagemill schedule CONFIG` is `imagemill schedule start CONFIG`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the default in where no sub-command is named."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_START, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_StartByDefault, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Run CONFIG on a schedule; train only with a reason (`retrain:` in the config).

    \b
    imagemill schedule scenes.yaml --cron "0 3 * * *" --timezone Europe/Berlin
    imagemill schedule scenes.yaml --every 6h
    imagemill schedule scenes.yaml --watch /data/incoming
    imagemill schedule status scenes.yaml
    """


def _when(function: Any) -> Any:
    """The flags that say when; each wins over its key in `schedule:`."""
    for flag, text in reversed(
        (
            ("--cron", 'Five fields, as "0 3 * * *".'),
            ("--every", "Every so often, as 6h."),
            ("--watch", "When files under a path change."),
            ("--timezone", "Zone of --cron, as Europe/Berlin."),
        )
    ):
        function = click.option(flag, help=text)(function)
    return function


@command.command(_START)
@_config
@_when
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any other config key.")
@click.option("--standby", is_flag=True, help="Wait while another scheduler serves the registry.")
def start(config_file: str, settings: tuple[str, ...], standby: bool, **when: str | None) -> int:
    """Start runs until SIGTERM or Ctrl-C (what no sub-command means)."""
    import threading

    from pipeline.schedule.lock import scheduler_lock
    from pipeline.schedule.service import Service

    config = _load(config_file, settings, when)
    stop, hurry = threading.Event(), threading.Event()
    _stop_on_signals(stop, hurry)
    service = Service(config, _run_command(config_file, settings), _say)
    _explain_policy(config)
    with scheduler_lock(config, standby=standby, stopped=stop.is_set, lost=stop.set) as mine:
        if mine:
            _say(f"{config.name}: {service.clock.text}, time zone {service.clock.zone_name}")
            service.serve(stop, hurry)
    return 0


@command.command()
@_config
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(config_file: str, as_json: bool) -> None:
    """Tell whether the scheduler runs, what it does, and when it runs next."""
    import json

    from pipeline.schedule.lock import who_schedules
    from pipeline.schedule.state import StateFolder

    config = _load(config_file, (), {})
    folder = StateFolder.of(config)
    state = folder.read()
    facts = {
        "model": config.name,
        "scheduler": who_schedules(config),
        "paused": folder.paused,
        **state.model_dump(exclude={"pid", "watched"}),
    }
    if not facts["scheduler"]:
        facts["next"] = facts["running_since"] = ""
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        text = ("yes" if value else "no") if key == "paused" else str(value) or "-"
        click.echo(f"{key.replace('_', ' '):<14} {text}")


@command.command()
@_config
@click.option("-n", "count", type=int, default=20, help="Newest lines to show.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they are stored.")
def history(config_file: str, count: int, as_json: bool) -> None:
    """List checks and runs, the newest last."""
    from components.retrain_check.history import History

    config = _load(config_file, (), {})
    events = History(config.registry_root, config.name).events(months=13)[-count:]
    for event in events:
        if as_json:
            click.echo(event.model_dump_json(exclude_defaults=True))
            continue
        what = event.outcome or {True: "retrain", False: "skip", None: ""}[event.retrain]
        click.echo(f"{event.time[:19]}  {event.by:<9} {event.kind:<8} {what:<13} {event.reason}")


@command.command("run-now")
@_config
def run_now(config_file: str) -> None:
    """Ask the scheduler to start a run at once."""
    from pipeline.schedule.lock import holder, lock_path
    from pipeline.schedule.state import StateFolder

    config = _load(config_file, (), {})
    if not holder(lock_path(config)):
        raise UserError(
            f"no scheduler serves {config.name!r}",
            fix=f"start one with `imagemill schedule {config_file}`, or run `imagemill run --config {config_file}`",
        )
    StateFolder.of(config).ask_for_run()
    click.echo("The scheduler starts a run within a second, unless one is going on.")


@command.command()
@_config
def pause(config_file: str) -> None:
    """Let no run start by itself until `resume`; `run-now` still works."""
    from pipeline.schedule.state import StateFolder

    StateFolder.of(_load(config_file, (), {})).pause()
    click.echo("Paused. A run in progress goes on.")


@command.command()
@_config
def resume(config_file: str) -> None:
    """End a pause; what was due meanwhile is let go."""
    from pipeline.schedule.state import StateFolder

    StateFolder.of(_load(config_file, (), {})).resume()
    click.echo("Runs start again when they are due.")


@command.command()
@_config
@_when
@click.option("--systemd", "target", flag_value="systemd", help="A service and a timer.")
@click.option("--crontab", "target", flag_value="crontab", help="A line for crontab.")
@click.option("--kubernetes", "target", flag_value="kubernetes", help="A CronJob.")
@click.option("--image", default="", help="Image of the CronJob; default: kubeflow.image.")
@click.option("--namespace", default="", help="Namespace of the CronJob.")
@click.option("--output", "folder", default="", help="Folder to write to; default: print.")
def install(
    config_file: str,
    target: str | None,
    image: str,
    namespace: str,
    folder: str,
    **when: str | None,
) -> None:
    """Write the units or the CronJob for a scheduler that you have already."""
    from pathlib import Path

    from pipeline.schedule.install import installation

    if target is None:
        raise UserError("nothing says for what", fix="add --systemd, --crontab or --kubernetes")
    config = _load(config_file, (), when)
    files = installation(target, config, str(Path(config_file).resolve()), image, namespace)
    for file in files:
        if not folder:
            click.echo(f"# {file.name}\n{file.text}")
            continue
        path = Path(folder, file.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8")
        click.echo(f"wrote {path}")
    if folder and files:
        click.echo(files[-1].next_step)


def _load(config_file: str, settings: tuple[str, ...], when: dict[str, str | None]) -> Config:
    from pathlib import Path

    from pipeline.config import load_config, merge

    given = {key: value for key, value in when.items() if value is not None}
    if "cron" in given or "every" in given:
        given = {"cron": "", "every": "", **given}
    if given.get("watch"):
        given["watch"] = (
            str(Path(given["watch"]).resolve()) if "://" not in given["watch"] else given["watch"]
        )
    return load_config(config_file, merge({"schedule": given}, overrides({}, settings)))


def _run_command(config_file: str, settings: tuple[str, ...]) -> list[str]:
    import sys

    extra = [word for setting in settings for word in ("--set", setting)]
    own = [sys.executable, "-m", "imagemill", "run", "--config", config_file]
    return [*own, "--scheduled", "--quiet", *extra]


def _stop_on_signals(stop: Any, hurry: Any) -> None:
    import signal

    def handle(_number: int, _frame: Any) -> None:
        (hurry if stop.is_set() else stop).set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def _explain_policy(config: Config) -> None:
    if "when" not in config.retrain.model_fields_set:
        _say("the config names no policy: training when something changed (retrain.when: changed)")
    elif config.retrain.when == "always":
        _say("retrain.when is always: every run trains, unless all its steps can be reused")


def _say(text: str) -> None:
    import datetime

    click.echo(f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S} {text}")
