"""`imagemill check`: all that the data gate can find, without training."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainer.errors import ExitCode, UserError

if TYPE_CHECKING:
    from rich.console import Console

    from components.data_gate.findings import GateReport
    from components.data_gate.html import OpenImage
    from components.image_example_gen.config import IngestConfig
    from components.image_example_gen.listing import Listing
    from components.image_example_gen.sandbox import Sandbox
    from pipeline.config import Config


@click.command()
@click.argument("photos", required=False)
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    help="YAML config; its data: and gate: sections are used.",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any config key.")
@click.option("--registry", help="Registry of the model in service to compare with.")
@click.option("--name", help="Name of the model in it; default: the folder's.")
@click.option(
    "--json", "json_file", metavar="FILE", help="Write all findings as JSON; - prints them."
)
@click.option("--html", "html_file", metavar="FILE", help="Write a page with thumbnails.")
@click.option("--fix-list", "fix_file", metavar="FILE", help="Write a CSV of files to act on.")
@click.option(
    "--workers", type=click.IntRange(0, 256), default=0, help="Decoders; 0: one per core."
)
@click.option("--quiet", is_flag=True, help="Print nothing.")
def command(
    photos: str | None,
    config_file: str | None,
    settings: tuple[str, ...],
    registry: str | None,
    name: str | None,
    json_file: str | None,
    html_file: str | None,
    fix_file: str | None,
    workers: int,
    quiet: bool,
) -> int:
    """Check a folder of images without training.

    Finds what `imagemill run` would refuse (exit code 3) or warn about: unreadable files, duplicates, leakage between
    splits, conflicting labels, blurred, dark, blank images, unbalanced classes, drift from the model in service.
    """
    from rich.console import Console

    from imagemill.options import overrides
    from imagemill.run import read_config

    values = overrides({"registry": registry, "name": name}, settings)
    config = read_config(photos, config_file, values)
    console = Console(quiet=quiet or json_file == "-")
    started = time.monotonic()
    listing, report = _check(config, workers, quiet=console.quiet)
    if json_file == "-":
        click.echo(report.model_dump_json(indent=2))
    _print(console, report, listing, time.monotonic() - started)
    try:
        _write(report, listing, config.ingest, json_file, html_file, fix_file, console)
    except OSError as error:
        raise UserError(
            f"cannot write {error.filename or 'the result'}: {error.strerror}",
            fix="name a file in a folder that exists and can be written to",
        ) from None
    return int(ExitCode.DATA_REFUSED if report.refused else ExitCode.OK)


def _check(config: Config, workers: int, *, quiet: bool) -> tuple[Listing, GateReport]:
    import tempfile

    from rich.console import Console

    from components.data_gate.check import check_photos
    from components.image_example_gen.listing import list_images
    from imagemill.progress_bar import progress_bar
    from imagemill.quiet import quiet as quietly

    listing = list_images(config.ingest.root, config.ingest)
    with tempfile.TemporaryDirectory() as folder, quietly(Path(folder) / "log") as stream:
        console = Console(file=stream, quiet=quiet)
        with progress_bar(console, "Reading images"):
            report = check_photos(
                listing,
                config.ingest,
                config.gate,
                registry=config.registry_root,
                name=config.name,
                workers=workers,
            )
    return listing, report


def _print(console: Console, report: GateReport, listing: Listing, seconds: float) -> None:
    from rich.text import Text

    from components.data_gate.text_table import block

    colours = {"error": "bold red", "warn": "yellow"}
    for finding in (*report.at("error"), *report.at("warn")):
        head, *details = block(finding, files_shown=3)
        console.print(Text(head, style=colours[finding.level]))
        for line in details:
            console.print(Text(line, style="" if "->" in line else "dim"), soft_wrap=True)
        console.print()
    _print_verdict(console, report, listing, seconds)


def _print_verdict(console: Console, report: GateReport, listing: Listing, seconds: float) -> None:
    errors, warnings = len(report.at("error")), len(report.at("warn"))
    console.print(
        f"{listing.found:,} files, {report.images:,} images, {len(listing.class_names)} classes "
        f"({listing.layout}) in {seconds:.1f} s: {errors} errors, {warnings} warnings",
        soft_wrap=True,
    )
    if report.refused:
        console.print("[bold red]Refused[/]: `imagemill run` would stop before training.")
    else:
        console.print("[bold green]Passed[/]: `imagemill run` would train on it.")


def _write(
    report: GateReport,
    listing: Listing,
    config: IngestConfig,
    json_file: str | None,
    html_file: str | None,
    fix_file: str | None,
    console: Console,
) -> None:
    from components.data_gate.fix_list import write_fix_list
    from components.data_gate.html import THUMBNAIL_SIDE, write_html
    from components.image_example_gen.sandbox import Sandbox

    if json_file and json_file != "-":
        Path(json_file).write_text(report.model_dump_json(indent=2), encoding="utf-8")
        console.print(f"JSON      {json_file}", soft_wrap=True)
    if html_file:
        with Sandbox(config.model_copy(update={"stored_size": THUMBNAIL_SIDE})) as sandbox:
            open_image = _opener(listing, config, sandbox)
            write_html(report, open_image, html_file, title=listing.root)
        console.print(f"Page      {html_file}", soft_wrap=True)
    if fix_file:
        rows = write_fix_list(report, fix_file)
        console.print(f"Fix list  {fix_file} ({rows:,} rows)", soft_wrap=True)


def _opener(listing: Listing, config: IngestConfig, sandbox: Sandbox) -> OpenImage:
    """Opens an image of the listing by the name that findings use, where a hostile file can do no harm."""
    import io

    from PIL import Image

    from components.image_example_gen import paths

    places = {file.name: file for file in listing.files}

    def open_image(name: str) -> Image.Image:
        file = places.get(name)
        if file is None or file.size > config.max_file_mb * 2**20:
            raise ValueError(name)
        [result] = sandbox.run([({}, paths.read_bytes(file.path))])
        if result.reason:
            raise ValueError(result.detail)
        return Image.open(io.BytesIO(result.record))

    return open_image
