"""`imagemill report`: where the report of a run is; copy it, open it, or print it as JSON."""

from __future__ import annotations

import shutil
from pathlib import Path

import click


@click.command()
@click.argument("run", default="last")
@click.option(
    "--output",
    default="imagemill-output",
    show_default=True,
    help="The `--output` folder of the runs, or its NAME folder.",
)
@click.option("--copy", "target", metavar="FILE", help="Copy the page: one file, easy to mail.")
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print report.json instead of the path.")
def command(run: str, output: str, target: str | None, opens: bool, as_json: bool) -> None:
    """Say where the report of a run is.

    RUN is a number of `imagemill runs list` (-1 is the newest), `last`, or the beginning of an id.
    """
    from components.report.files import JSON_FILE
    from imagemill.runs import pick, report_page

    page = report_page(pick(output, run))
    if as_json:
        click.echo(Path(page).with_name(JSON_FILE).read_text(encoding="utf-8"))
    elif target:
        shutil.copyfile(page, target)
        click.echo(target)
    else:
        click.echo(page)
    if opens:
        click.launch(target or page)
