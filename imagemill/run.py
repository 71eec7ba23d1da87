"""`imagemill run`: a folder of images in, a blessed and pushed model out."""

from __future__ import annotations

import contextlib
import datetime
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagemill.options import overrides, setting_flags
from trainer.errors import ExitCode, UserError

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.result import RunResult


@click.command()
@click.argument("photos", required=False)
@click.option("--config", "config_file", metavar="FILE", help="YAML config; flags win over it.")
@setting_flags
@click.option("--force", is_flag=True, help="Train although nothing changed.")
@click.option("--no-cache", is_flag=True, help="Run every step, reuse none.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="Print the result only.")
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
@click.option(
    "--scheduled",
    is_flag=True,
    help="Nobody watches: train only with a reason, and tell people as `notify:` says.",
)
def command(
    photos: str | None,
    config_file: str | None,
    settings: tuple[str, ...],
    force: bool,
    no_cache: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    scheduled: bool,
    **flags: Any,
) -> int:
    """Turn a folder of images into a validated, blessed, pushed model.

    PHOTOS holds one folder per class, or train/, val/ and test/ folders of classes.
    """
    values = overrides(flags, settings)
    if no_cache:
        values["cache"] = False
    config = read_config(photos, config_file, values)
    return execute(
        config,
        force=force,
        as_json=as_json,
        quiet=quiet or as_json,
        debug=debug,
        scheduled=scheduled,
    )


def read_config(photos: str | None, config_file: str | None, values: dict[str, Any]) -> Config:
    """The config from a file, a folder, or both, with the flags on top.

    Raises:
      UserError: neither is given, or a setting is wrong.
    """
    from pipeline.config import load_config, make_config, merge, name_from_path

    if photos is not None:
        values = merge({"data": {"root": photos}}, values)
    if config_file is not None:
        return load_config(config_file, values)
    if photos is None:
        raise UserError(
            "`imagemill run` needs a folder of images or a config file; received neither",
            fix="run `imagemill run PHOTOS`, or `imagemill run --config FILE`",
        )
    return make_config(merge({"name": name_from_path(photos)}, values), source="the command line")


def execute(
    config: Config,
    *,
    force: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    scheduled: bool = False,
) -> int:
    """Runs the pipeline with a live view and a log file; returns the exit code."""
    from rich.console import Console

    from imagemill.quiet import quiet as quietly
    from imagemill.terminal import RunView
    from pipeline.local import prepare_output, run_locally
    from pipeline.schedule.unattended import run_unattended

    log_name = f"{datetime.datetime.now():%Y-%m-%dT%H-%M-%S}.log"
    log_file = Path(config.output) / config.name / "logs" / log_name
    missing = [folder for folder in log_file.parents if not folder.exists()]
    prepare_output(config)
    run = run_unattended if scheduled else run_locally
    started = time.monotonic()
    view: RunView | None = None
    try:
        with quietly(log_file) as stream, RunView(Console(file=stream), quiet=quiet) as view:
            result = run(config, force=force, listener=view.on_step)
    except KeyboardInterrupt:
        click.echo(f"Log: {log_file}", err=True)
        raise
    except Exception as error:
        began = view is not None and view.began
        if isinstance(error, UserError) and not (began or scheduled or debug):
            # A slip in the command: it never came to a run, so it leaves no folder and no log.
            _withdraw(log_file, missing)
            raise
        step = view.failed_step if view else None
        return _tell_failure(error, step, log_file, as_json=as_json, debug=debug)
    return _tell_result(result, log_file, time.monotonic() - started, as_json=as_json)


def _tell_result(result: RunResult, log_file: Path, seconds: float, *, as_json: bool) -> int:
    """Prints what came of a run; returns the exit code."""
    from rich.console import Console

    from imagemill import summary

    if as_json:
        click.echo(summary.as_json(result, log_file=str(log_file), seconds=seconds))
    else:
        console = Console(highlight=False)
        summary.print_summary(console, result, log_file=str(log_file), seconds=seconds)
    return int(ExitCode.NOT_BLESSED if result.blessed is False else ExitCode.OK)


def _tell_failure(
    error: Exception, step: str | None, log_file: Path, *, as_json: bool, debug: bool
) -> int:
    """Prints why a run failed, for a person and where asked for a script; returns the exit code."""
    from imagemill.summary import failure_json

    code = _explain(error, step, log_file, debug)
    if as_json:
        click.echo(failure_json(error, code, log_file=str(log_file)))
    return code


def _withdraw(log_file: Path, folders: list[Path]) -> None:
    """Removes a log, and of the folders that were made for it those that hold nothing else."""
    log_file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _explain(error: Exception, step: str | None, log_file: Path, debug: bool) -> int:
    """Prints why a run failed and where the log is; returns the exit code."""
    with log_file.open("a", encoding="utf-8") as log:
        traceback.print_exception(type(error), error, error.__traceback__, file=log)
    if debug:
        traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
    where = f"Step «{step}» failed" if step else "Error"
    if isinstance(error, UserError):
        message, fix, code = error.message, error.fix, error.code
    else:
        message, fix = _last_line(error), "read the log, or run again with --debug"
        code = ExitCode.INTERNAL
    click.echo(click.style(f"{where}: ", fg="red", bold=True) + message, err=True)
    click.echo(click.style("What to do: ", bold=True) + fix, err=True)
    click.echo(f"Log: {log_file}", err=True)
    return int(code)


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
