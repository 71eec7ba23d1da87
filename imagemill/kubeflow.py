"""`imagemill kubeflow`: compile the pipeline for Kubeflow Pipelines v2, build its image, submit it, follow it."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagemill.kubeflow_parts import cluster_of, compiled, values_of
from imagemill.kubeflow_schedule import command as schedule
from imagemill.options import json_flag
from trainer.errors import ExitCode, UserError

if TYPE_CHECKING:
    from kubeflow.client import Cluster
    from pipeline.config import Config

_CONFIG = click.option(
    "--config",
    "config_file",
    metavar="FILE",
    required=True,
    help="YAML config with a `kubeflow:` section.",
)
_SET = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set any key of the config."
)
_PARAMETER = click.option(
    "-p",
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A run parameter, such as epochs=20, force=1, registry=s3://models; may be repeated.",
)
_CONNECTION = (
    click.option("--host", default=None, help="Address of the KFP API; default: `kubeflow.host`."),
    click.option("--namespace", default=None, help="Namespace; default: `kubeflow.namespace`."),
)


@click.group()
def command() -> None:
    """Run the same pipeline on Kubeflow Pipelines v2.

    \b
    imagemill kubeflow compile --config scenes.yaml -o pipeline.yaml
    imagemill kubeflow build-image -t registry.example.com/imagemill:1
    imagemill kubeflow submit --config scenes.yaml --wait
    """


command.add_command(schedule)


def _connection(function: Any) -> Any:
    for option in reversed(_CONNECTION):
        function = option(function)
    return function


@command.command(name="compile")
@_CONFIG
@_SET
@click.option("-o", "--output", "file", metavar="FILE", default="pipeline.yaml", show_default=True)
def compile_command(config_file: str, settings: tuple[str, ...], file: str) -> None:
    """Write the pipeline as YAML for KFP v2 (pipeline spec 2.1.0 and platform spec)."""
    _write(Path(file), compiled(_read(config_file, settings)))
    click.echo(f"Wrote {file}. Upload it in KFP's UI, or run `imagemill kubeflow submit`.")


@command.command(name="build-image")
@click.option(
    "-t",
    "--tag",
    required=True,
    help="Name of the image, such as registry.example.com/imagemill:1.",
)
@click.option("--gpu", is_flag=True, help="With CUDA libraries, for the trainer.")
@click.option(
    "--weights", metavar="FILE", help="ImageNet weights to bake in, for clusters without internet."
)
@click.option("--base", default=None, help="Base image instead of Debian trixie slim.")
@click.option(
    "--builder", default=None, help="buildah, podman or docker; default: the first found."
)
@click.option("--push", is_flag=True, help="Push it, and print its digest for `kubeflow.image`.")
@click.option("--dry-run", is_flag=True, help="Print the command only.")
@click.argument("builder_args", nargs=-1, type=click.UNPROCESSED)
def build_image(**options: Any) -> None:
    """Build the container image that every step runs in.

    BUILDER_ARGS after `--` go to the builder, such as `-- --volume /etc/pip.conf:/etc/pip.conf:ro`.
    """
    from kubeflow.image_build import build

    build(**options)


@command.command()
@_CONFIG
@_SET
@_PARAMETER
@_connection
@click.option("--wait", is_flag=True, help="Follow the run; the exit code is the run's.")
@click.option("--timeout", default=24 * 3600, show_default=True, help="Seconds to wait at most.")
def submit(
    config_file: str,
    settings: tuple[str, ...],
    parameters: tuple[str, ...],
    host: str | None,
    namespace: str | None,
    wait: bool,
    timeout: int,
) -> int:
    """Compile, upload as a new version of the pipeline, and start a run of it."""
    from kubeflow.submit import submit as submit_run

    config = _read(config_file, settings)
    cluster = cluster_of(config, host, namespace)
    text = compiled(config)
    run_id = submit_run(cluster, config, text, values_of(parameters))
    click.echo(f"Run {run_id} of {config.name} started: {cluster.run_url(run_id)}")
    return _follow(cluster, run_id, timeout) if wait else int(ExitCode.OK)


@command.command()
@click.argument("run_id")
@_CONFIG
@_SET
@_connection
@click.option("--wait", is_flag=True, help="Follow the run to its end; the exit code is the run's.")
@click.option("--timeout", default=24 * 3600, show_default=True, help="Seconds to wait at most.")
@json_flag
def status(
    run_id: str,
    config_file: str,
    settings: tuple[str, ...],
    host: str | None,
    namespace: str | None,
    wait: bool,
    timeout: int,
    as_json: bool,
) -> int:
    """Show the state of each step of RUN_ID."""
    from kubeflow.client import FINAL_STATES, Outcome

    cluster = cluster_of(_read(config_file, settings), host, namespace)
    if wait and not as_json:
        return _follow(cluster, run_id, timeout)
    outcome: Outcome = (
        cluster.wait(run_id, timeout, lambda *_: None) if wait else cluster.outcome(run_id)
    )
    if as_json:
        facts = {"run_id": run_id, "state": outcome.state, "steps": outcome.steps}
        click.echo(json.dumps({**facts, "error": outcome.error}, indent=2))
        return int(ExitCode.OK if outcome.state not in FINAL_STATES else outcome.exit_code)
    for step, state in outcome.steps.items():
        click.echo(f"{step:20} {state}")
    click.echo(f"{'run':20} {outcome.state}")
    return int(ExitCode.OK if outcome.state not in FINAL_STATES else outcome.exit_code)


@command.command()
@click.argument("run_id")
@click.argument("step")
@_CONFIG
@_SET
@_connection
def logs(
    run_id: str,
    step: str,
    config_file: str,
    settings: tuple[str, ...],
    host: str | None,
    namespace: str | None,
) -> None:
    """Print the log of one STEP, such as trainer, of RUN_ID."""
    cluster = cluster_of(_read(config_file, settings), host, namespace)
    for line in cluster.logs(run_id, step):
        click.echo(line)


@command.command(name="list")
@_CONFIG
@_SET
@_connection
@click.option("--count", default=20, show_default=True, help="Runs to show, newest first.")
@json_flag
def list_runs(
    config_file: str,
    settings: tuple[str, ...],
    host: str | None,
    namespace: str | None,
    count: int,
    as_json: bool,
) -> None:
    """List runs of the config's experiment."""
    config = _read(config_file, settings)
    cluster = cluster_of(config, host, namespace)
    runs = cluster.runs(config.kubeflow.experiment or config.name, count)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(run) for run in runs], indent=2))
        return
    for run in runs:
        click.echo(f"{run.run_id}  {run.state:10}  {run.created}  {run.name}")


def _read(config_file: str, settings: tuple[str, ...]) -> Config:
    from imagemill.options import overrides
    from pipeline.config import load_config

    return load_config(config_file, overrides({}, settings))


def _write(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        raise UserError(
            f"cannot write {str(file)!r}: {error.strerror}", fix="choose another with `-o FILE`"
        ) from None


def _follow(cluster: Cluster, run_id: str, timeout: int) -> int:
    """Prints every change of a step's state until the run ends."""
    outcome = cluster.wait(
        run_id, timeout, lambda step, state: click.echo(f"{step:20} {state}", file=sys.stdout)
    )
    click.echo(f"{'run':20} {outcome.state}{': ' + outcome.error if outcome.error else ''}")
    return int(outcome.exit_code)
