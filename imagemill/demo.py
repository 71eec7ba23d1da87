"""`imagemill demo`: the whole pipeline on real handwritten digits that come with scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from imagemill.options import json_flag
from imagemill.run import execute
from trainer.errors import UserError


@click.command()
@click.option("--output", default="demo-output", show_default=True, help="Folder for everything.")
@json_flag
@click.option("--quiet", is_flag=True, help="Print the result only.")
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
def command(output: str, as_json: bool, quiet: bool, debug: bool) -> int:
    """Train on 1,797 handwritten digits, from scratch, in a few minutes; needs no download."""
    from pipeline.config import make_config
    from pipeline.demo import DEMO_SETTINGS, write_digits

    folder = Path(output) / "photos"
    try:
        count = write_digits(folder)
    except OSError as error:
        raise UserError(
            f"cannot write the digits to {str(folder)!r}: {error.strerror}",
            fix="choose another folder with `--output DIR`",
        ) from None
    quiet = quiet or as_json
    if not quiet:
        click.echo(f"Wrote {count:,} handwritten digits to {folder}, one folder per class.")
    values: dict[str, Any] = {**DEMO_SETTINGS, "output": output}
    values["data"] = {**values["data"], "root": str(folder)}
    config = make_config(values, source="the demo's settings")
    code = execute(config, force=False, as_json=as_json, quiet=quiet, debug=debug)
    sample = sorted((folder / "7").glob("*.png"))[0]
    if code == 0 and not quiet:
        click.echo(f"Ask it    imagemill predict {config.registry_root} {sample}")
    return code
