"""`imagemill runs`: the history of runs, from ML Metadata."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from components.differences import Changes, changes, flat
from imagemill.comparison import figure, print_changes
from imagemill.options import json_flag
from trainer.errors import UserError

if TYPE_CHECKING:
    from pipeline.history import PastRun

_output = click.option(
    "--output",
    default="imagemill-output",
    show_default=True,
    help="The `--output` folder of the runs, or its NAME folder.",
)
_as_json = json_flag
_FIGURES = ("accuracy", "log_loss", "macro_f1")


@click.group()
def command() -> None:
    """List, show and compare earlier runs, and open their reports.

    RUN is a number (1 is the oldest, -1 the newest), `last`, or the beginning of an id.
    """


@command.command("list")
@_output
@_as_json
def list_runs(output: str, as_json: bool) -> None:
    """List all runs, the oldest first."""
    from rich.console import Console
    from rich.table import Table

    runs = history(output)
    if as_json:
        click.echo(json.dumps([_row(number, run) for number, run in enumerate(runs, 1)], indent=2))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("", "started", "state", "verdict", "version", "accuracy", "seconds", "reused"):
        table.add_column(heading, justify="left" if heading in ("started", "state") else "right")
    for number, run in enumerate(runs, 1):
        row = _row(number, run)
        accuracy = row["metrics"].get("accuracy")
        table.add_row(
            str(number),
            run.run_id[:19].replace("T", " "),
            row["state"],
            _verdict(run),
            run.version or "-",
            figure(accuracy),
            f"{run.seconds:.0f}",
            f"{row['reused']}/{len(run.steps)}",
        )
    Console().print(table)


@command.command()
@click.argument("run", default="last")
@_output
@_as_json
def show(run: str, output: str, as_json: bool) -> None:
    """Show one run: its steps, figures, and where its artifacts are."""
    found = pick(output, run)
    if as_json:
        click.echo(json.dumps({**_row(0, found), "steps": _steps(found)}, indent=2))
        return
    click.echo(f"Run {found.run_id}: {found.state}, {_verdict(found)}")
    for step in found.steps:
        click.echo(f"  {step.node_id:18} {step.state:9} {step.seconds:8.1f} s")
        for channel, artifact in step.outputs.items():
            click.echo(f"    {channel}: {artifact.uri}  (artifact {artifact.id})")
    for name, value in found.metrics().items():
        click.echo(f"  {name}: {figure(value)}")


@command.command("compare")
@click.argument("old")
@click.argument("new", default="last")
@_output
@_as_json
def compare_runs(old: str, new: str, output: str, as_json: bool) -> None:
    """Tell what changed between two runs: data, settings, code, figures."""
    found = compare(pick(output, old), pick(output, new))
    print_changes(found, as_json=as_json, none="Nothing that was recorded differs.")


@command.command("open")
@click.argument("run", default="last")
@_output
def open_report(run: str, output: str) -> None:
    """Open the report of a run in the browser."""
    page = report_page(pick(output, run))
    click.echo(page)
    click.launch(page)


def history(output: str) -> tuple[PastRun, ...]:
    """All runs of an output folder; UserError where there are none."""
    from pipeline.history import find_history, read_runs

    return read_runs(find_history(output))


def pick(output: str, which: str) -> PastRun:
    """One run of an output folder."""
    from pipeline.history import find_run

    return find_run(history(output), which)


def report_page(run: PastRun) -> str:
    """The path of a run's report.

    Raises:
      UserError: it has none, or the file is gone.
    """
    page = run.report_page
    if page is None:
        raise UserError(
            f"the run {run.run_id} has no report: it is {run.state}",
            fix="runs that were skipped, interrupted or failed have none; `imagemill runs show` tells the steps",
        )
    if not page.is_file():
        raise UserError(f"the report {str(page)!r} is gone", fix="run again with --no-cache")
    return str(page)


def compare(old: PastRun, new: PastRun) -> dict[str, Changes]:
    """What differs, by section and key."""
    before, after = _facts(old), _facts(new)
    # A run that stopped early recorded no settings: that is no change of each of them.
    known = [section for section in before if before[section] and after[section]]
    return {section: changes(before[section], after[section]) for section in known}


def _facts(run: PastRun) -> dict[str, dict[str, Any]]:
    return {
        "data": flat(run.dataset()),
        "settings": flat(run.settings()),
        "code": run.code(),
        "metrics": run.metrics(),
        "outcome": {"state": run.state, "verdict": _verdict(run), "version": run.version},
    }


def _row(number: int, run: PastRun) -> dict[str, Any]:
    metrics = run.metrics()
    return {
        "number": number,
        "run_id": run.run_id,
        "state": run.state,
        "blessed": run.blessed,
        "version": run.version,
        "seconds": round(run.seconds, 3),
        "reused": sum(step.state == "cached" for step in run.steps),
        "metrics": {name: metrics[name] for name in _FIGURES if name in metrics},
    }


def _steps(run: PastRun) -> list[dict[str, Any]]:
    return [
        {
            "id": step.node_id,
            "state": step.state,
            "seconds": step.seconds,
            "outputs": {key: {"id": one.id, "uri": one.uri} for key, one in step.outputs.items()},
        }
        for step in run.steps
    ]


def _verdict(run: PastRun) -> str:
    if run.data_refused:
        return "data refused"
    return {True: "blessed", False: "refused", None: "-"}[run.blessed]
