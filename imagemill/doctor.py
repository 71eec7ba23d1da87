"""`imagemill doctor`: is this machine fit for a run, and what to do where it is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from trainer.errors import ExitCode

if TYPE_CHECKING:
    from imagemill.health import Check

_MARKS = {"ok": ("ok", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command()
@click.option("--registry", default="", help="A registry to reach: a folder, gs://, s3:// ...")
@click.option("--output", default=".", help="Folder that runs would write to.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quiet", is_flag=True, help="Print only what is wrong.")
def command(registry: str, output: str, as_json: bool, quiet: bool) -> int:
    """Check this machine: interpreter, packages, compiler, memory, disk, GPU, weights, registry."""
    from imagemill.health import examine

    checks = examine(output=output, registry=registry)
    failed = any(check.state == "fail" for check in checks)
    if as_json:
        click.echo(json.dumps([check._asdict() for check in checks], indent=2))
    else:
        for check in checks:
            if not quiet or check.state != "ok":
                _print(check)
    return int(ExitCode.INTERNAL if failed else ExitCode.OK)


def _print(check: Check) -> None:
    mark, colour = _MARKS[check.state]
    click.echo(f"{click.style(f'{mark:4}', fg=colour, bold=True)}  {check.name:12} {check.found}")
    if check.fix:
        click.echo(f"      what to do:  {check.fix}")
