"""One run on this machine: list the input, build the pipeline, run it, say what came of it.

result = run_locally(config, listener=print)
result.blessed, result.pushed_version, result.model_path
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.image_example_gen.listing import list_images
from components.model_evaluator.slice_names import BUILT_IN, check_columns
from components.model_pusher.registry import Registry
from components.retrain_check.handed import decided, handed
from pipeline.class_names import refuse_unknown_classes
from pipeline.code_version import code_version, step_versions
from pipeline.config import Config, is_remote, join
from pipeline.in_service import compared_with
from pipeline.lock import run_lock
from pipeline.recorded import Clock, Plan, recorded, utc_now
from trainer.errors import UserError
from trainer.features import SPLITS
from trainer.weights_path import no_such_weights

if TYPE_CHECKING:
    from components.image_example_gen.listing import Listing
    from components.retrain_check.decision import Decision
    from pipeline.result import RunResult
    from pipeline.steps import Listener


def run_locally(
    config: Config,
    *,
    force: bool = False,
    listener: Listener | None = None,
    by: str = "hand",
    clock: Clock = utc_now,
) -> RunResult:
    """Runs the pipeline with TFX's local runner.

    Args:
      config: all settings; `config.output` must be a local folder (artifacts of a remote
        `pipeline_root` belong to a cluster).
      force: retrain although the policy would skip.
      listener: told of every step's start and end.
      by: who runs it (hand or schedule), for the registry's history.
      clock: the time; tests set it.

    Returns:
      What each step did and produced.

    Raises:
      UserError: bad input, refused data, or another run is using the same output folder.
    """
    folder = prepare_output(config)
    listing = list_images(config.data.root, config.ingest)
    _refuse_too_few(listing)
    _refuse_missing_weights(config)
    refuse_unknown_classes(config, listing.class_names)
    _refuse_unknown_columns(config, listing)
    plan = Plan(config, listing, code_version(), forced=force, by=by, clock=clock)
    with run_lock(folder / "run.lock"):
        return recorded(plan, lambda decision: _run_or_skip(plan, decision, listener))


def prepare_output(config: Config) -> Path:
    """Makes the run's folder and proves that it can be written.

    Raises:
      UserError: it cannot be.
    """
    if is_remote(config.output):
        raise UserError(
            f"`output` is {config.output!r}, but a local run keeps its artifacts and history on this machine",
            fix="set `output` to a local folder; `registry` and `data.root` may stay remote",
        )
    _refuse_output_among_photos(config)
    folder = Path(config.output) / config.name
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write to the output folder {str(folder)!r}: {error.strerror}",
            fix="choose another with `--output DIR`, or give this user the right to write there",
        ) from None
    return folder


def _refuse_too_few(listing: Listing) -> None:
    """Says at once what the ingest would find out after TFX is loaded."""
    if len(listing.files) < len(SPLITS):
        raise UserError(
            f"found {len(listing.files)} images in {len(listing.class_names)} classes: too few to fill "
            f"{', '.join(SPLITS)}",
            fix="add images; a few dozen a class are the least that training can use",
        )


def _refuse_missing_weights(config: Config) -> None:
    """Says before the ingest what the trainer would find out after it."""
    train = config.train
    named = train.pretrained and train.weights != "imagenet" and not train.warm_start
    if named and not is_remote(train.weights) and not Path(train.weights).is_file():
        raise no_such_weights(train.weights)


def _refuse_unknown_columns(config: Config, listing: Listing) -> None:
    """Says before the training what the evaluation would find out after it."""
    wanted = [name for name in config.evaluate.slice_by if name not in BUILT_IN]
    if wanted:
        check_columns(wanted, {name for file in listing.files for name in file.columns})


def _refuse_output_among_photos(config: Config) -> None:
    """The run's own files would be read as a class of photos the next time."""
    if is_remote(config.data.root):
        return
    photos, output = Path(config.data.root).resolve(), Path(config.output).resolve()
    if photos.is_dir() and output.is_relative_to(photos):
        raise UserError(
            f"the output folder {str(output)!r} lies inside the folder of photos {str(photos)!r}",
            fix="choose one outside with `--output DIR`",
        )


def _run_or_skip(plan: Plan, decision: Decision, listener: Listener | None) -> RunResult:
    # TFX takes six seconds to import, more than looking through a million files does.
    if decision.retrain:
        return _run(plan, decision, listener)
    from pipeline.skipped import record_skip

    return record_skip(plan.config, decision, metadata_connection(plan.config), listener)


def _run(plan: Plan, decision: Decision, listener: Listener | None) -> RunResult:
    # TFX takes six seconds to import: only after everything cheap has been checked.
    from components.data_gate.refusal import DataRefusedError
    from pipeline.create import create_pipeline, runtime_arguments
    from pipeline.refused import explained
    from pipeline.result import read_result
    from pipeline.runner import WatchedRunner

    config, data_version = plan.config, decision.data_version
    known_by = decided(decision, unique=uuid.uuid4().hex)
    pipeline = create_pipeline(
        config,
        data_version=data_version,
        code_version=plan.code_version,
        step_versions=step_versions(),
        decided=known_by,
        in_service=compared_with(Registry(config.registry_root, config.name), decision),
        metadata_connection_config=metadata_connection(config),
    )
    arguments = runtime_arguments(config, data_version=data_version)
    runner = WatchedRunner(listener, arguments, released=not known_by)
    try:
        with _bare_argv(), handed(decision):
            runner.run(pipeline)
    except DataRefusedError as error:
        raise explained(error, plan, runner.run_id, runner.records) from None
    result = read_result(config, runner.run_id, runner.records, decision)
    _refuse_lost_version(config, result)
    return result


def _refuse_lost_version(config: Config, result: RunResult) -> None:
    """A reused push step names a version that somebody may have deleted since."""
    known = {str(one.number) for one in Registry(config.registry_root, config.name).versions()}
    if result.pushed_version is not None and result.pushed_version not in known:
        raise UserError(
            f"an earlier run pushed version {result.pushed_version}, but the registry "
            f"{config.registry_root!r} no longer holds it (versions there: "
            f"{', '.join(sorted(known)) or 'none'})",
            fix="train anew with `--no-cache`, or put another version in service with "
            "`imagemill models promote`",
        )


def metadata_connection(config: Config) -> Any:
    """ML Metadata's connection config for `config.metadata`.

    Raises:
      UserError: a server is named but its password is not in the environment.
    """
    from ml_metadata.proto import metadata_store_pb2

    settings = config.metadata
    if settings.backend == "sqlite":
        return _sqlite(settings.path or join(config.output, config.name, "metadata.sqlite"))
    password = os.environ.get(settings.password_env)
    if password is None:
        raise UserError(
            f"`metadata.backend` is {settings.backend!r}, but the environment variable "
            f"{settings.password_env} with its password is not set",
            fix=f"export {settings.password_env}, or name another variable in `metadata.password_env`",
        )
    connection = metadata_store_pb2.ConnectionConfig()
    server = connection.mysql if settings.backend == "mysql" else connection.postgresql
    server.host = settings.host
    server.user = settings.user
    server.password = password
    if settings.backend == "mysql":
        server.database = settings.database
        server.port = settings.port or 3306
    else:
        server.dbname = settings.database
        server.port = str(settings.port or 5432)
    return connection


def _sqlite(path: str) -> Any:
    from ml_metadata.proto import metadata_store_pb2

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = path
    connection.sqlite.connection_mode = (
        metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    )
    return connection


@contextmanager
def _bare_argv() -> Iterator[None]:
    """Hides our command line: TFX hands `sys.argv` on to executors and Beam as their flags."""
    import sys

    saved = sys.argv
    sys.argv = saved[:1]
    try:
        yield
    finally:
        sys.argv = saved
