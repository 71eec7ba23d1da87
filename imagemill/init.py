"""`imagemill init`: writes a commented config for a folder of images."""

from __future__ import annotations

import os
from pathlib import Path

import click

from trainer.errors import UserError


@click.command()
@click.argument("photos")
@click.option("-o", "--output", "file", metavar="FILE", help="Default: NAME.yaml in this folder.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def command(photos: str, file: str | None, force: bool) -> None:
    """Write a commented config for PHOTOS, one folder of images per class."""
    from components.image_example_gen.config import IngestConfig
    from components.image_example_gen.listing import list_images
    from pipeline.config import is_remote, name_from_path
    from pipeline.config_text import commented_yaml

    listing = list_images(photos, IngestConfig(root=photos))
    name = name_from_path(photos)
    target = Path(file or f"{name}.yaml")
    root = photos if is_remote(photos) else _relative(Path(photos), target.resolve().parent)
    _write(target, commented_yaml({"name": name, "data": {"root": root}}, file=str(target)), force)
    click.echo(
        f"Wrote {target}: {len(listing.files):,} images in {len(listing.class_names)} classes "
        f"({', '.join(listing.class_names[:6])}{', ...' if len(listing.class_names) > 6 else ''})."
    )
    click.echo(f"Next: imagemill run --config {target}")


def _relative(path: Path, folder: Path) -> str:
    """`path` as the file in `folder` should name it: relative where that is no detour."""
    relative = os.path.relpath(path.resolve(), folder)
    return relative if relative.count("..") <= 2 else str(path.resolve())


def _write(target: Path, text: str, force: bool) -> None:
    try:
        with target.open("w" if force else "x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise UserError(
            f"the file {str(target)!r} exists already",
            fix="choose another with `-o FILE`, or replace it with `--force`",
        ) from None
    except OSError as error:
        raise UserError(
            f"cannot write {str(target)!r}: {error.strerror}", fix="choose another with `-o FILE`"
        ) from None
