"""What `model-pusher` does: check the blessings, gather the record, push, say where it went."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.lineage import artifact_ids
from components.model_pusher.config import PushConfig
from components.model_pusher.record import METRICS_FILE, RunFacts, make_record
from components.model_pusher.registry import Pushed, Registry
from trainer.progress import report

PUSHED_FILE = "pushed.json"
Artifacts = Mapping[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """Pushes, and sets `pushed` (0 or 1), `version` and `reason` on its output."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the model if every blessing given says so."""
        output = artifact_utils.get_single_instance(output_dict["pushed_model"])
        refusal = _refusal(input_dict)
        if refusal:
            _publish(output, pushed=False, version="", path="", reason=refusal)
            return
        pushed = push(input_dict, exec_properties)
        _publish(
            output,
            pushed=True,
            version=str(pushed.version.number),
            path=pushed.version.path,
            reason=pushed.reason,
        )


def push(inputs: Artifacts, properties: Mapping[str, Any]) -> Pushed:
    """Files the model with its record, and puts it in service as the config says."""
    config = PushConfig.model_validate_json(properties["config"])
    registry = Registry(properties["registry"], properties["name"])
    record = make_record(_facts(inputs, properties))
    metrics = json.loads(record.get(METRICS_FILE, b"{}"))
    pushed = registry.push(
        path_utils.serving_model_path(_uri(inputs, "model")),
        record,
        promote=config.promote,
        baseline=int(metrics.get("baseline_version") or 0) if config.check_baseline else None,
    )
    if config.keep:
        registry.prune(config.keep)
    return pushed


def _refusal(inputs: Artifacts) -> str:
    if not _flag(inputs, "blessing", "blessed"):
        return "the evaluation did not bless the model"
    if inputs.get("infra_blessing") and not _flag(inputs, "infra_blessing", "blessed"):
        return "the model validator did not get good answers from the model"
    return ""


def _flag(inputs: Artifacts, key: str, name: str) -> bool:
    artifact = artifact_utils.get_single_instance(inputs[key])
    return bool(artifact.get_int_custom_property(name))


def _facts(inputs: Artifacts, properties: Mapping[str, Any]) -> RunFacts:
    lineage = {key: str(properties.get(key) or "") for key in ("run_version", "code_version")}
    lineage |= {f"{key}_artifact_id": number for key, number in artifact_ids(inputs).items()}
    return RunFacts(
        examples=_uri(inputs, "examples"),
        evaluation=_uri(inputs, "evaluation"),
        statistics=_uri(inputs, "statistics"),
        schema=_uri(inputs, "schema"),
        run_config=properties["run_config"],
        lineage=lineage,
    )


def _uri(inputs: Artifacts, key: str) -> str:
    return str(artifact_utils.get_single_uri(inputs[key]))


def _publish(output: types.Artifact, *, pushed: bool, version: str, path: str, reason: str) -> None:
    output.set_int_custom_property("pushed", int(pushed))
    output.set_string_custom_property("version", version)
    output.set_string_custom_property("reason", reason)
    fileio.makedirs(output.uri)
    facts = {"pushed": pushed, "version": version, "path": path, "reason": reason}
    with fileio.open(posixpath.join(output.uri, PUSHED_FILE), "w") as file:
        file.write(json.dumps(facts, indent=2))
    said = f"version {version} pushed: {reason}" if pushed else f"nothing pushed: {reason}"
    report("model-pusher", done=1, total=1, final=True, note=said)
