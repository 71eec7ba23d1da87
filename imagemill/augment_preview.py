"""`imagemill augment-preview`: a picture of what training will see."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("photos", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("preview.png"),
    show_default=True,
    help="Where the picture goes.",
)
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="YAML with a `train:` section."
)
@click.option("--rows", type=click.IntRange(1, 32), default=6, show_default=True, help="Photos.")
@click.option(
    "--columns", type=click.IntRange(1, 32), default=7, show_default=True, help="Views of each."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def command(
    photos: Path, output: Path, config_path: Path | None, rows: int, columns: int, seed: int
) -> int:
    """Draw what training will see.

    PHOTOS is a folder of images, with or without class folders. Each row is one photo: first as evaluation sees it,
    then as training does, with the shares of mixed labels left out.
    """
    from imagemill.loading import silent

    with silent():
        from trainer.preview import draw_preview, find_photos, read_train_config

        config = read_train_config(config_path).model_copy(update={"seed": seed})
        chosen = find_photos(photos, rows, seed)
        draw_preview(chosen, config, columns, output)
    click.echo(f"{output}: {len(chosen)} photos, {columns} views of each")
    return 0
