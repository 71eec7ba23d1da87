"""`imagemill serve`: a model over HTTP, on this machine; or the files to serve it with TF Serving or KServe."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("model")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 for all interfaces.")
@click.option("--port", type=click.IntRange(0, 65535), default=8501, show_default=True)
@click.option("--max-batch", type=click.IntRange(1, 1024), default=32, show_default=True)
@click.option("--max-request-mb", type=float, default=32.0, show_default=True)
@click.option("--max-pixels", type=click.IntRange(1024), default=50_000_000, show_default=True)
@click.option("--poll-seconds", type=float, default=2.0, show_default=True)
@click.option(
    "--write-config",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Do not serve: write files for TF Serving and KServe.",
)
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    model: str,
    host: str,
    port: int,
    max_batch: int,
    max_request_mb: float,
    max_pixels: int,
    poll_seconds: float,
    write_config: Path | None,
    quiet: bool,
) -> None:
    """Serve a model over HTTP.

    MODEL is a registry, REGISTRY/NAME (a new version in service is taken up without a pause), or a SavedModel.
    """
    if write_config is not None:
        _write_config(model, write_config, max_batch, quiet)
        return
    from components.serving.config import ServeConfig
    from components.serving.server import address, bind, run
    from imagemill.loading import quiet_tensorflow

    config = ServeConfig(
        max_batch=max_batch,
        max_request_mb=max_request_mb,
        max_pixels=max_pixels,
        poll_seconds=poll_seconds,
    )
    quiet_tensorflow()
    with bind(host, port) as listener:
        if not quiet:
            click.echo(f"Loading {model} ...", err=True)
        run(
            model,
            listener,
            config,
            lambda url: None if quiet else _say_ready(url, address(listener)),
        )


def _say_ready(url: str, base: str) -> None:
    click.echo(f"Serving on {url}  (Ctrl-C stops it)")
    click.echo(f"  curl --data-binary @photo.jpg {base}/predict", err=True)


def _write_config(model: str, folder: Path, max_batch: int, quiet: bool) -> None:
    from components.serving.deploy import write_files

    for path in write_files(model, folder, max_batch=max_batch):
        if not quiet:
            click.echo(f"Wrote {path}")
