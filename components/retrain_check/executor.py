"""What `retrain-check` does: gather the facts, decide, write it down; or publish what a local run decided."""

from __future__ import annotations

import posixpath
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.image_example_gen.config import IngestConfig
from components.retrain_check import handed
from components.retrain_check.config import RetrainConfig
from components.retrain_check.decision import DECISION_FILE, Decision, decide
from components.retrain_check.gather import Check, Request
from trainer.progress import report


class Executor(base_executor.BaseExecutor):
    """Writes `decision.json` and a line in the history, and sets `retrain`, which conditions read."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],  # noqa: ARG002
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Publishes the decision: the one handed over by a local run, or its own."""
        decision = handed.taken() or _decide(exec_properties)
        _publish(artifact_utils.get_single_instance(output_dict["decision"]), decision)
        report("retrain-check", done=1, total=1, final=True, note=decision.reason)


def _decide(exec_properties: dict[str, Any]) -> Decision:
    request = request_from(exec_properties)
    check = Check(request)
    decision = decide(request.policy, check.facts)
    check.write_down(decision)
    return decision


def request_from(exec_properties: dict[str, Any]) -> Request:
    """The question that the component's parameters put, as on a cluster."""
    return Request(
        data_root=exec_properties["data_root"],
        registry=exec_properties["registry"],
        name=exec_properties["name"],
        run_version=exec_properties["run_version"],
        ingest=IngestConfig.model_validate_json(exec_properties["ingest"]),
        policy=RetrainConfig.model_validate_json(exec_properties["config"]),
        data_version=exec_properties["data_version"],
        forced=bool(exec_properties["force"]),
        by="kubeflow",
    )


def _publish(artifact: types.Artifact, decision: Decision) -> None:
    artifact.set_int_custom_property("retrain", int(decision.retrain))
    artifact.set_string_custom_property("reason", decision.reason)
    fileio.makedirs(artifact.uri)
    with fileio.open(posixpath.join(artifact.uri, DECISION_FILE), "w") as file:
        file.write(decision.model_dump_json(indent=2))
