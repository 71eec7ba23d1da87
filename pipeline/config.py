"""The typed config of a whole run, and how a YAML file and command-line flags become one.

    config = load_config("scenes.yaml", {"train": {"epochs": 12}})
    config.train.epochs, config.registry_root

Every section is the `Settings` class of the part that it configures, so a key is documented, checked
and defaulted in one place. Relative paths in a file are relative to that file.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic
import yaml
from pydantic import Field

from components.data_gate.config import GateConfig
from components.image_example_gen.config import IngestConfig
from components.model_evaluator.config import EvaluateConfig
from components.model_pusher.card.config import CardConfig
from components.model_pusher.config import PushConfig
from components.model_validator.config import ValidateConfig
from components.report.config import ReportConfig
from components.retrain_check.config import RetrainConfig
from pipeline.cluster_config import ClusterConfig
from pipeline.config_errors import describe_errors
from pipeline.notify.config import NotifyConfig
from pipeline.schedule.config import ScheduleConfig
from trainer.config import TrainConfig, TuneConfig
from trainer.errors import UserError
from trainer.settings import Settings

STORED_SIZE_MARGIN = 1.25
_THREAD_SAFE_STEPS = ("image-example-gen",)
_NAME_RULE = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class BeamConfig(Settings):
    """How the data-parallel steps (ingest, statistics, evaluation) run."""

    runner: str = Field(
        "DirectRunner",
        description="Beam runner: DirectRunner on this machine, or FlinkRunner, SparkRunner, "
        "DataflowRunner with their options in `args`.",
    )
    mode: Literal["in_memory", "multi_processing"] = Field(
        "in_memory",
        description="How DirectRunner runs TFDV and TFMA: in this process, or in `workers` processes, "
        "whose start-up of ten to twenty seconds a stage pays only on very large sets. Ingest always "
        "runs on `workers` threads, each with a decoder process of its own.",
    )
    workers: int = Field(
        0, ge=0, le=256, description="Number of DirectRunner workers; 0 means one per core."
    )
    args: tuple[str, ...] = Field(
        (), description="Further Beam options, such as `--flink_master=host:8081`."
    )

    def step_args(self, node_id: str) -> list[str]:
        """The Beam command-line options of a step."""
        if self.runner != "DirectRunner":
            return [f"--runner={self.runner}", *self.args]
        # TFDV's and TFMA's native code does not bear Beam's threads: with two of them StatisticsGen
        # ended in a segmentation fault, or with 20 GB allocated, in three of a dozen small runs.
        mode = "multi_threading" if node_id in _THREAD_SAFE_STEPS else self.mode
        workers = 1 if mode == "in_memory" else self.workers or os.cpu_count() or 1
        return [
            # Beam's "DirectRunner" first tries to download its Go runner (Prism) and falls back to
            # this one; naming it asks for no network.
            "--runner=FnApiRunner",
            f"--direct_running_mode={mode}",
            f"--direct_num_workers={workers}",
            # Without an image TFX packs itself into an sdist for workers that a local run has not:
            # ten seconds a step.
            "--sdk_container_image=unused",
            *self.args,
        ]


class MetadataConfig(Settings):
    """Where ML Metadata keeps the history of runs and the step cache."""

    backend: Literal["sqlite", "mysql", "postgresql"] = Field(
        "sqlite", description="`sqlite` is a file beside the run; the others are servers."
    )
    path: str = Field("", description="SQLite file; empty: `metadata.sqlite` in the output folder.")
    host: str = Field("localhost", description="Host name of the database server.")
    port: int = Field(
        0, ge=0, le=65535, description="Port; 0: 3306 for MySQL, 5432 for PostgreSQL."
    )
    database: str = Field("imagemill", description="Name of the database.")
    user: str = Field("imagemill", description="User of the database.")
    password_env: str = Field(
        "IMAGEMILL_METADATA_PASSWORD",
        description="Environment variable that holds the password; it never stands in a file.",
    )


class Config(Settings):
    """Everything a run needs. Equal configs make equal pipelines."""

    name: str = Field(
        pattern=_NAME_RULE,
        description="Name of the model and its pipeline: lower-case letters, digits and hyphens, at "
        "most 63.",
    )
    output: str = Field(
        "imagemill-output",
        description="Folder for artifacts, logs and the history; any file system Beam reaches for "
        "artifacts, local for logs.",
    )
    registry: str = Field(
        "", description="Folder of the model registry; empty: `registry` in the output folder."
    )
    cache: bool = Field(
        True, description="Reuse a step whose inputs, settings and code are unchanged."
    )
    data: IngestConfig = Field(description="The images: where, how they are split and stored.")
    gate: GateConfig = Field(GateConfig(), description="What data may go into training.")
    train: TrainConfig = Field(TrainConfig(), description="The model and its training.")
    tune: TuneConfig = Field(TuneConfig(), description="A search for settings before training.")
    evaluate: EvaluateConfig = Field(EvaluateConfig(), description="The rules a model must pass.")
    validator: ValidateConfig = Field(
        ValidateConfig(), description="How the model is tried in a server before it is pushed."
    )
    push: PushConfig = Field(PushConfig(), description="How models enter the registry.")
    card: CardConfig = Field(
        CardConfig(), description="What the owner says of the model, for its card."
    )
    report: ReportConfig = Field(ReportConfig(), description="How much the report shows.")
    retrain: RetrainConfig = Field(RetrainConfig(), description="When a run trains at all.")
    schedule: ScheduleConfig = Field(ScheduleConfig(), description="When runs start by themselves.")
    notify: NotifyConfig = Field(NotifyConfig(), description="Who is told of what.")
    beam: BeamConfig = Field(BeamConfig(), description="How data-parallel steps run.")
    metadata: MetadataConfig = Field(MetadataConfig(), description="Where the history is kept.")
    kubeflow: ClusterConfig = Field(
        ClusterConfig(), description="How the pipeline runs on a cluster."
    )

    @property
    def registry_root(self) -> str:
        """The registry's folder."""
        return self.registry or join(self.output, "registry")

    @property
    def pipeline_root(self) -> str:
        """The folder of this pipeline's artifacts."""
        return join(self.output, self.name, "pipeline")

    @property
    def ingest(self) -> IngestConfig:
        """`data` with the stored size resolved: a margin over what training resizes to."""
        if self.data.stored_size is not None:
            return self.data
        size = math.ceil(self.train.resized * STORED_SIZE_MARGIN)
        return self.data.model_copy(update={"stored_size": size})


def join(root: str, *parts: str) -> str:
    """Joins paths of any file system: URLs keep their forward slashes."""
    return "/".join([root.rstrip("/") or "/", *parts])


def is_remote(path: str) -> bool:
    """True for `gs://...` and the like."""
    return re.match(r"^[a-zA-Z][a-zA-Z0-9+.-]+://", path) is not None


def name_from_path(path: str) -> str:
    """A valid pipeline name made from a folder's: `My Photos/` becomes `my-photos`."""
    base = Path(path.rstrip("/") or "/").name if is_remote(path) else Path(path).resolve().name
    return re.sub(r"[^a-z0-9]+", "-", base.lower()).strip("-")[:63].rstrip("-") or "model"


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid on top, section by section; a value of `over` wins."""
    merged = dict(base)
    for key, value in over.items():
        mine = merged.get(key)
        if isinstance(value, Mapping) and isinstance(mine, Mapping):
            merged[key] = merge(mine, value)
        else:
            merged[key] = value
    return merged


def make_config(values: Mapping[str, Any], *, source: str) -> Config:
    """Checks plain values and freezes them.

    Args:
      values: nested keys as in the YAML file.
      source: where the values come from, for the error message.

    Raises:
      UserError: an unknown key, a wrong type or a value out of range; names each key and value.
    """
    try:
        return Config.model_validate(dict(values))
    except pydantic.ValidationError as error:
        raise describe_errors(error, Config, source=source) from None


def load_config(path: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None) -> Config:
    """Reads a YAML config file and lays `overrides` on top.

    Raises:
      UserError: the file is missing, is not YAML, or holds an unknown key or a wrong value.
    """
    file = Path(path)
    values = absolute_paths(_read_yaml(file), file.resolve().parent)
    return make_config(merge(values, overrides or {}), source=str(file))


def absolute_paths(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Makes the file's relative paths relative to `folder`, so a config works from anywhere."""
    found = dict(values)
    for dotted in (
        "output",
        "registry",
        "data.root",
        "train.weights",
        "metadata.path",
        "schedule.watch",
    ):
        section, _, key = dotted.rpartition(".")
        holder = found.get(section) if section else found
        value = holder.get(key) if isinstance(holder, Mapping) else None
        if not isinstance(value, str) or not value or is_remote(value):
            continue
        if dotted == "train.weights" and value in ("imagenet", "none"):
            continue
        update = {key: str(folder / Path(value).expanduser())}
        found = merge(found, {section: update} if section else update)
    return found


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"cannot read the config file {str(file)!r}: {error.strerror}",
            fix="check the path, or write a commented one with `imagemill init PHOTOS`",
        ) from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"the config file {str(file)!r} is not UTF-8 text (byte {error.start})",
            fix="save it as UTF-8",
        ) from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise UserError(
            f"the config file {str(file)!r}{line} is not valid YAML: "
            f"{getattr(error, 'problem', None) or error}",
            fix="correct that line; strings with `:` or `#` need quotes",
        ) from None
    if not isinstance(values, dict):
        raise UserError(
            f"the config file {str(file)!r} holds {type(values).__name__}, not a mapping of settings",
            fix="start it with `name: my-model`; `imagemill init PHOTOS` writes a commented one",
        )
    return values
