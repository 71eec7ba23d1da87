"""TFX's local runner, with each step announced: started, done, reused from the cache, skipped or failed.

    WatchedRunner(listener=print).run(pipeline)

`LocalDagRunner.run_with_ir` offers no hook between steps, so its loop stands here again with the same calls; everything
else (compiling, launching, caching, metadata) is TFX's.
"""

from __future__ import annotations

import copy
import datetime
import time
import warnings
from collections.abc import Mapping
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import local_dag_runner, runner_utils
from tfx.orchestration.portable import inputs_utils, launcher, runtime_parameter_utils
from tfx.orchestration.portable.input_resolution import exceptions
from tfx.proto.orchestration import pipeline_pb2

from pipeline.steps import ArtifactRecord, Listener, StepEvent, StepRecord, StepState

_Execution = metadata_store_pb2.Execution


class WatchedRunner(local_dag_runner.LocalDagRunner):
    """Runs a pipeline step by step on this machine and remembers what became of each.

    Args:
      listener: told of every step's start and end.
      arguments: values of runtime parameters by name; others keep their defaults.
      released: whether a step may be reused although the decision to run it was taken anew; without, what a condition
        reads counts as an input of every step behind it, so that a new decision means that all of them run.

    Attributes:
      run_id: the pipeline run's id in ML Metadata, set when the run starts.
      records: one `StepRecord` a finished step, in order; complete up to a failure.
    """

    def __init__(
        self,
        listener: Listener | None = None,
        arguments: Mapping[str, str | int | float] | None = None,
        *,
        released: bool = False,
    ) -> None:
        super().__init__()
        self._released = released
        self._arguments = dict(arguments or {})
        self._listener = listener or _nobody
        self.run_id = ""
        self.records: list[StepRecord] = []

    def run_with_ir(
        self, pipeline: pipeline_pb2.Pipeline, run_options: pipeline_pb2.RunOptions | None = None
    ) -> None:
        """Runs every node in topological order.

        Raises:
          ValueError: `run_options` are given (partial runs are not supported).
          Exception: whatever a step's executor raised; its FAILED event was sent before.
        """
        if run_options is not None:
            raise ValueError(f"partial runs are not supported; received {run_options!r}")
        self.run_id = datetime.datetime.now().isoformat()
        bindings = {**self._arguments, constants.PIPELINE_RUN_ID_PARAMETER_NAME: self.run_id}
        with warnings.catch_warnings():
            # TFX asks protobuf's newest C code for a field's label; as an error, the warning is a crash.
            warnings.simplefilter("ignore", DeprecationWarning)
            runtime_parameter_utils.substitute_runtime_parameter(pipeline, bindings)
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection = _connection(deployment)
        for node in pipeline.nodes:
            self._run_node(pipeline, node.pipeline_node, deployment, connection)

    def _run_node(
        self, pipeline: pipeline_pb2.Pipeline, node: Any, deployment: Any, connection: Any
    ) -> None:
        node_id = node.node_info.id
        started = time.monotonic()
        self._listener(StepEvent(node_id, StepState.RUNNING))
        step = launcher.Launcher(
            pipeline_node=_without_condition(node, connection) if self._released else node,
            mlmd_connection=metadata.Metadata(connection),
            pipeline_info=pipeline.pipeline_info,
            pipeline_runtime_spec=pipeline.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
        )
        try:
            info = step.launch()
        except BaseException:
            self._finish(StepRecord(node_id, StepState.FAILED, time.monotonic() - started))
            raise
        execution_id = getattr(info, "execution_id", None)
        state, outputs = _outcome(connection, execution_id)
        seconds = time.monotonic() - started
        self._finish(StepRecord(node_id, state, seconds, execution_id, outputs))
        if state is StepState.FAILED:
            raise RuntimeError(
                f"step {node_id!r} (execution {execution_id}) did not start: its inputs could not be "
                "resolved; the log has TFX's reason"
            )

    def _finish(self, record: StepRecord) -> None:
        self.records.append(record)
        self._listener(StepEvent(record.node_id, record.state, record.seconds))


def _nobody(event: StepEvent) -> None:
    del event


def _without_condition(node: Any, connection: Any) -> Any:
    """A node whose condition holds, without the condition and what that reads; any other as it is."""
    if not node.inputs.conditionals or not _is_to_run(node, connection):
        return node
    freed = copy.deepcopy(node)
    freed.inputs.ClearField("conditionals")
    for key in node.inputs.inputs:
        # So TFX names inputs that nobody declared.
        if key.startswith("_"):
            del freed.inputs.inputs[key]
    return freed


def _is_to_run(node: Any, connection: Any) -> bool:
    with metadata.Metadata(connection) as handle:
        try:
            found = inputs_utils.resolve_input_artifacts(pipeline_node=node, metadata_handle=handle)
        except exceptions.InputResolutionError:
            return False  # the launcher meets it again, and records it
    return not isinstance(found, inputs_utils.Skip)


def _connection(deployment: Any) -> Any:
    config = deployment.metadata_connection_config
    return getattr(config, config.WhichOneof("connection_config"))


def _outcome(
    connection: Any, execution_id: int | None
) -> tuple[StepState, dict[str, ArtifactRecord]]:
    """State and outputs of an execution as ML Metadata has them."""
    if not execution_id:
        return StepState.SKIPPED, {}
    with metadata.Metadata(connection) as handle:
        store = handle.store
        (execution,) = store.get_executions_by_id([execution_id])
        events = [
            event
            for event in store.get_events_by_execution_ids([execution_id])
            if event.type == metadata_store_pb2.Event.OUTPUT
        ]
        artifacts = {a.id: a for a in store.get_artifacts_by_id([e.artifact_id for e in events])}
    outputs = {event.path.steps[0].key: _record(artifacts[event.artifact_id]) for event in events}
    if execution.last_known_state == _Execution.CACHED:
        return StepState.CACHED, outputs
    if execution.last_known_state == _Execution.COMPLETE:
        return StepState.DONE, outputs
    return StepState.FAILED, outputs


def _record(artifact: metadata_store_pb2.Artifact) -> ArtifactRecord:
    properties = {
        key: getattr(value, value.WhichOneof("value"))
        for key, value in artifact.custom_properties.items()
    }
    return ArtifactRecord(artifact.uri, properties)
