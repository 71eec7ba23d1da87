"""What the verbs of `imagemill kubeflow` share: a compiled document, a connection, run parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kubeflow.client import Cluster
    from pipeline.config import Config


def compiled(config: Config) -> str:
    """The document of a config; says its warnings."""
    import tempfile

    from imagemill.quiet import quiet

    # TFX's noise goes to a file nobody needs: whatever it means is raised, too.
    with tempfile.TemporaryDirectory() as folder, quiet(Path(folder) / "log"):
        from kubeflow.compile import compile_pipeline

        made = compile_pipeline(config)
    for warning in made.warnings:
        click.echo(str(warning), err=True)
    return made.yaml()


def cluster_of(config: Config, host: str | None, namespace: str | None) -> Cluster:
    """The connection that flags, or else the config, name."""
    from kubeflow.client import connect

    return connect(host or config.kubeflow.host, namespace or config.kubeflow.namespace)


def values_of(parameters: tuple[str, ...]) -> dict[str, str]:
    """`NAME=VALUE` arguments as a mapping.

    Raises:
      UsageError: one has no `=`.
    """
    values = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"a parameter is NAME=VALUE, got {text!r}")
        values[name] = value
    return values
