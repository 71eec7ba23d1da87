"""What `retrain-check` does: list the input, look up the model in service, decide, write it down."""

from __future__ import annotations

import posixpath
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.listing import list_images
from components.model_pusher.registry import Registry
from components.retrain_check.config import RetrainConfig
from components.retrain_check.decision import DECISION_FILE, Decision, Served, decide
from trainer.progress import report


class Executor(base_executor.BaseExecutor):
    """Writes `decision.json` and sets the custom property `retrain` that conditions read."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],  # noqa: ARG002
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Decides and publishes the decision."""
        decision = _decide(exec_properties)
        artifact = artifact_utils.get_single_instance(output_dict["decision"])
        artifact.set_int_custom_property("retrain", int(decision.retrain))
        artifact.set_string_custom_property("reason", decision.reason)
        fileio.makedirs(artifact.uri)
        with fileio.open(posixpath.join(artifact.uri, DECISION_FILE), "w") as file:
            file.write(decision.model_dump_json(indent=2))
        report("retrain-check", done=1, total=1, unit=f"decision: {decision.reason}", final=True)


def _decide(exec_properties: dict[str, Any]) -> Decision:
    ingest = IngestConfig.model_validate_json(exec_properties["ingest"])
    data_version = exec_properties["data_version"] or (
        list_images(exec_properties["data_root"], ingest).fingerprint()
    )
    return decide(
        RetrainConfig.model_validate_json(exec_properties["config"]),
        data_version=data_version,
        run_version=exec_properties["run_version"],
        in_service=_served(Registry(exec_properties["registry"], exec_properties["name"])),
        force=bool(exec_properties["force"]),
    )


def _served(registry: Registry) -> Served | None:
    version = registry.in_service()
    if version is None:
        return None
    lineage = version.read_json("lineage.json")
    return Served(
        version=version.number,
        data_version=str(lineage.get("data_version", "")),
        run_version=str(lineage.get("run_version", "")),
    )
