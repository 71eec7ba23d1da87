"""Earlier runs, read from ML Metadata: which steps ran, what they cost, what came of them.

    runs = read_runs("imagemill-output/scenes/metadata.sqlite")
    runs[-1].state, runs[-1].output("report", "report").uri

SQLite files are opened read-only, so that a run under way is not disturbed; a run's id is the time that it started.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from components.report.files import PAGE_FILE
from pipeline.config import is_remote
from trainer.errors import UserError

RunState = Literal["done", "skipped", "failed", "unfinished"]
_CONFIG_STEP = ("model-pusher", "run_config")


@dataclasses.dataclass(frozen=True)
class PastArtifact:
    """An output: its ML Metadata id, location and custom properties."""

    id: int
    uri: str
    properties: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class PastStep:
    """A step of an earlier run.

    Attributes:
      node_id: kebab-case id.
      state: as ML Metadata has it: complete, cached, failed, running ...
      seconds: from start to last change; about 0 for a reused step.
      parameters: its settings.
      outputs: first artifact of each output channel.
    """

    node_id: str
    state: str
    seconds: float
    parameters: Mapping[str, Any]
    outputs: Mapping[str, PastArtifact]


@dataclasses.dataclass(frozen=True)
class PastRun:
    """A run.

    Attributes:
      run_id: the local time it started, ISO 8601.
      steps: in the order they ran.
      home: the folder of the history.
    """

    run_id: str
    steps: tuple[PastStep, ...]
    home: Path = Path()

    def step(self, node_id: str) -> PastStep | None:
        """A step by its id."""
        return next((step for step in self.steps if step.node_id == node_id), None)

    def output(self, node_id: str, channel: str) -> PastArtifact | None:
        """An output of a step."""
        step = self.step(node_id)
        return step.outputs.get(channel) if step else None

    @property
    def state(self) -> RunState:
        """How it ended."""
        states = {step.state for step in self.steps}
        if "failed" in states or "canceled" in states:
            return "failed"
        if self.step("model-pusher") is not None and states <= {"complete", "cached"}:
            return "done"
        decision = self.output("retrain-check", "decision")
        if decision is not None and decision.properties.get("retrain") == 0:
            return "skipped"
        return "unfinished"

    @property
    def seconds(self) -> float:
        """Time in all steps together."""
        return sum(step.seconds for step in self.steps)

    @property
    def blessed(self) -> bool | None:
        """The verdict; None where there is none."""
        blessing = self.output("model-evaluator", "blessing")
        return None if blessing is None else bool(blessing.properties.get("blessed"))

    @property
    def version(self) -> str:
        """The registry version that it pushed, or ""."""
        pushed = self.output("model-pusher", "pushed_model")
        return str(pushed.properties.get("version") or "") if pushed else ""

    @property
    def report_page(self) -> Path | None:
        """The page of its report, also where the data gate refused; None where none was written."""
        artifact = self.output("report", "report")
        if artifact is not None:
            return Path(artifact.uri) / PAGE_FILE
        return refused_folder(self.home, self.run_id) / PAGE_FILE if self.data_refused else None

    @property
    def data_refused(self) -> bool:
        """Whether the data gate stopped it."""
        return refused_folder(self.home, self.run_id).is_dir()

    def metrics(self) -> dict[str, float]:
        """Overall figures; none where nothing was evaluated or the files are gone."""
        return dict(self._json("model-evaluator", "evaluation", "metrics.json").get("overall", {}))

    def dataset(self) -> dict[str, Any]:
        """What the examples held, as in `dataset.json`."""
        return self._json("image-example-gen", "examples", "dataset.json")

    def settings(self) -> dict[str, Any]:
        """Every setting of the run; none where it ended before they were recorded."""
        step = self.step(_CONFIG_STEP[0])
        text = step.parameters.get(_CONFIG_STEP[1]) if step else None
        return dict(json.loads(text)) if text else {}

    def code(self) -> dict[str, str]:
        """Digest of the code of each step that was told it, by node id; the trainer's is among its settings."""
        found = {step.node_id: _code_of(step.parameters) for step in self.steps}
        return {node_id: version for node_id, version in found.items() if version}

    def _json(self, node_id: str, channel: str, name: str) -> dict[str, Any]:
        artifact = self.output(node_id, channel)
        try:
            return dict(json.loads((Path(artifact.uri) / name).read_text())) if artifact else {}
        except OSError:
            return {}


def _code_of(parameters: Mapping[str, Any]) -> str:
    custom = json.loads(parameters.get("custom_config") or "{}")
    return str(parameters.get("code_version") or custom.get("code_version") or "")


def refused_folder(home: Path, run_id: str) -> Path:
    """Where the report of a run that the data gate refused is, in the folder of the history."""
    return home / "refused" / run_id.replace(":", "-")


def find_history(place: str) -> str:
    """The SQLite file of a run's folder, of an output folder with one run in it, or the file itself.

    Raises:
      UserError: there is none, or more than one.
    """
    path = Path(place)
    if path.is_file():
        return str(path)
    found = [path / "metadata.sqlite"] if (path / "metadata.sqlite").is_file() else []
    found = found or sorted(path.glob("*/metadata.sqlite"))
    if not found:
        raise UserError(
            f"there is no history of runs in {place!r}: neither metadata.sqlite nor NAME/metadata.sqlite",
            fix="name the `--output` folder of a run, or its NAME folder",
        )
    if len(found) > 1:
        names = ", ".join(file.parent.name for file in found)
        raise UserError(
            f"{place!r} holds the runs of several models: {names}",
            fix=f"name one, such as {str(found[0].parent)!r}",
        )
    return str(found[0])


def find_run(runs: Sequence[PastRun], which: str) -> PastRun:
    """A run by its id, the beginning of it, its number (1 is the oldest, -1 the newest) or `last`.

    Raises:
      UserError: none or several fit.
    """
    wanted = "-1" if which == "last" else which
    if wanted.lstrip("-").isdigit() and len(wanted) < 4:
        number = int(wanted)
        position = number - 1 if number > 0 else number
        if number and -len(runs) <= position < len(runs):
            return runs[position]
        raise UserError(
            f"there is no run {which}: there are {len(runs)}", fix="`imagemill runs list`"
        )
    fitting = [run for run in runs if run.run_id.startswith(wanted)]
    if len(fitting) == 1:
        return fitting[0]
    raise UserError(
        f"{len(fitting)} runs begin with {which!r}",
        fix="`imagemill runs list` shows ids and numbers",
    )


def read_runs(sqlite_file: str) -> tuple[PastRun, ...]:
    """All runs, oldest first.

    Raises:
      UserError: the file cannot be read as ML Metadata.
    """
    from ml_metadata.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2

    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = sqlite_file
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    try:
        store = MetadataStore(connection)
        contexts = store.get_contexts_by_type("pipeline_run")
    except Exception as error:
        raise UserError(
            f"cannot read {sqlite_file!r} as a history of runs: {error}",
            fix="name the folder of a run of this version of imagemill",
        ) from None
    names = {node.id: node.name for node in store.get_contexts_by_type("node")}
    home = Path(sqlite_file).resolve().parent
    runs = [PastRun(run.name, _steps(store, run.id, names, home), home) for run in contexts]
    return tuple(sorted(runs, key=lambda run: run.run_id))


def _steps(
    store: Any, context_id: int, names: Mapping[int, str], home: Path
) -> tuple[PastStep, ...]:
    executions = sorted(store.get_executions_by_context(context_id), key=lambda one: one.id)
    if not executions:
        return ()
    events = store.get_events_by_execution_ids([one.id for one in executions])
    outputs = [event for event in events if event.type == event.OUTPUT]
    artifacts = {one.id: one for one in store.get_artifacts_by_id([e.artifact_id for e in outputs])}
    return tuple(
        PastStep(
            node_id=_node_id(store, one, names),
            state=one.State.Name(one.last_known_state).lower(),
            seconds=(one.last_update_time_since_epoch - one.create_time_since_epoch) / 1000,
            parameters=_values(one.custom_properties),
            outputs={
                event.path.steps[0].key: _artifact(artifacts[event.artifact_id], home)
                for event in outputs
                if event.execution_id == one.id
            },
        )
        for one in executions
    )


def _node_id(store: Any, execution: Any, names: Mapping[int, str]) -> str:
    contexts = store.get_contexts_by_execution(execution.id)
    name = next((names[one.id] for one in contexts if one.id in names), "")
    return name.rpartition(".")[2]


def _artifact(artifact: Any, home: Path) -> PastArtifact:
    uri = _found(artifact.uri, home)
    return PastArtifact(artifact.id, uri, _values(artifact.custom_properties))


def _found(uri: str, home: Path) -> str:
    """The artifact's folder, also where the output folder was moved or named relatively."""
    _, marker, rest = uri.rpartition("/pipeline/")
    if is_remote(uri) or not marker or (Path(uri).is_absolute() and Path(uri).exists()):
        return uri
    return str(home / "pipeline" / rest)


def _values(properties: Any) -> dict[str, Any]:
    return {
        key: getattr(value, kind)
        for key, value in properties.items()
        if (kind := value.WhichOneof("value")) in ("string_value", "int_value", "double_value")
    }
