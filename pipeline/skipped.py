"""A skipped run written into ML Metadata as TFX writes it, without TFX: loading that costs more than the whole check.

    result = record_skip(config, decision, metadata_connection(config), listener)

The records are those that TFX makes of a pipeline whose condition is false: contexts of pipeline, run and node, one
execution of `retrain-check`, its artifact `decision` on disk, and nothing of the steps behind it.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.retrain_check.decision import DECISION_FILE, Decision
from pipeline.cluster_config import NODE_IDS
from pipeline.config import Config, join
from pipeline.result import RunResult
from pipeline.steps import ArtifactRecord, Listener, StepEvent, StepRecord, StepState

CHECK = "retrain-check"
_EXECUTION_TYPE = "components.retrain_check.component.RetrainCheck"
_ARTIFACT_TYPE = "File"


def record_skip(
    config: Config, decision: Decision, connection: Any, listener: Listener | None = None
) -> RunResult:
    """Writes the decision down as an artifact like any other.

    Args:
      config: all settings.
      decision: one that says skip.
      connection: ML Metadata's connection config.
      listener: told of every step.
    """
    tell = listener or _nobody
    started = time.monotonic()
    run_id = datetime.datetime.now().isoformat()
    tell(StepEvent(CHECK, StepState.RUNNING))
    execution_id, artifact = _write(MetadataStore(connection), config, decision, run_id)
    seconds = time.monotonic() - started
    tell(StepEvent(CHECK, StepState.DONE, seconds))
    rest = [step for step in NODE_IDS if step != CHECK and (step != "tuner" or config.tune.enabled)]
    records = [
        StepRecord(CHECK, StepState.DONE, seconds, execution_id, {"decision": artifact}),
        *(StepRecord(step, StepState.SKIPPED, 0.0) for step in rest),
    ]
    for step in rest:
        tell(StepEvent(step, StepState.RUNNING))
        tell(StepEvent(step, StepState.SKIPPED))
    return RunResult(run_id, tuple(records), decision)


def _write(
    store: MetadataStore, config: Config, decision: Decision, run_id: str
) -> tuple[int, ArtifactRecord]:
    contexts = [
        _context(store, kind, name)
        for kind, name in (
            ("pipeline", config.name),
            ("pipeline_run", run_id),
            ("node", f"{config.name}.{CHECK}"),
        )
    ]
    execution = mlmd.Execution(
        type_id=store.put_execution_type(mlmd.ExecutionType(name=_EXECUTION_TYPE)),
        last_known_state=mlmd.Execution.RUNNING,
        custom_properties=_values(_parameters(config, decision)),
    )
    execution.id, _, _ = store.put_execution(execution, [], contexts)
    uri = join(config.pipeline_root, CHECK, "decision", str(execution.id))
    Path(uri).mkdir(parents=True, exist_ok=True)
    Path(uri, DECISION_FILE).write_text(decision.model_dump_json(indent=2), encoding="utf-8")
    properties: dict[str, str | int] = {"retrain": int(decision.retrain), "reason": decision.reason}
    artifact = mlmd.Artifact(
        type_id=store.put_artifact_type(mlmd.ArtifactType(name=_ARTIFACT_TYPE)),
        uri=uri,
        state=mlmd.Artifact.LIVE,
        custom_properties=_values(properties),
    )
    execution.last_known_state = mlmd.Execution.COMPLETE
    store.put_execution(execution, [(artifact, _output("decision"))], contexts)
    return execution.id, ArtifactRecord(uri, dict(properties))


def _parameters(config: Config, decision: Decision) -> dict[str, str | int]:
    """What `pipeline.create` gives `retrain-check`."""
    return {
        "data_root": config.data.root,
        "registry": config.registry_root,
        "name": config.name,
        "data_version": decision.data_version,
        "run_version": decision.run_version,
        "force": 0,
        "decided": "skip",
        "ingest": config.ingest.model_dump_json(),
        "config": config.retrain.model_dump_json(),
    }


def _context(store: MetadataStore, kind: str, name: str) -> mlmd.Context:
    known = store.get_context_by_type_and_name(kind, name)
    if known is not None:
        return known
    type_id = store.put_context_type(mlmd.ContextType(name=kind))
    context = mlmd.Context(type_id=type_id, name=name)
    (context.id,) = store.put_contexts([context])
    return context


def _output(channel: str) -> mlmd.Event:
    event = mlmd.Event(type=mlmd.Event.OUTPUT)
    event.path.steps.add().key = channel
    event.path.steps.add().index = 0
    return event


def _values(properties: Mapping[str, str | int]) -> dict[str, mlmd.Value]:
    return {
        key: mlmd.Value(int_value=value)
        if isinstance(value, int)
        else mlmd.Value(string_value=value)
        for key, value in properties.items()
    }


def _nobody(event: StepEvent) -> None:
    del event
