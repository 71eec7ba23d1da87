"""What KFP's launcher hands to a container, put right before TFX sees it; plain dicts, no TFX.

    task = prepare(invocation_args, inputs_spec, outputs_spec)
    task.inputs["examples"][0].path        # a local folder, though KFP named it minio://...

KFP leaves input artifacts untyped, adds an output `executor-logs`, and names remote URIs whose content the launcher has
already fetched to (or will fetch from) a local path (KFP `backend/src/v2/component/launcher_v2.go`, `LocalPathForURI`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from trainer.errors import UserError

LAUNCHER_OUTPUTS = frozenset({"executor-logs"})
LOCAL_ROOTS = {"gs://": "/gcs/", "minio://": "/minio/", "s3://": "/s3/"}
ROOT_VARIABLE = "IMAGEMILL_KFP_LOCAL_ROOT"
_INTEGER = "NUMBER_INTEGER"


@dataclass(frozen=True)
class TaskArtifact:
    """One artifact of a task.

    Attributes:
      name: KFP's name of it; "" where it has none.
      title: schema title, such as `tfx.Examples`.
      path: local folder.
      metadata: properties by name; numbers are floats, as JSON has them.
    """

    name: str
    title: str
    path: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One execution: inputs, outputs and parameters by name, and where to report to."""

    inputs: dict[str, list[TaskArtifact]]
    outputs: dict[str, list[TaskArtifact]]
    parameters: dict[str, Any]
    output_file: str


def prepare(
    invocation: str, inputs_spec: Mapping[str, Any], outputs_spec: Mapping[str, Any]
) -> Task:
    """Reads an ExecutorInput.

    Args:
      invocation: the ExecutorInput as JSON, as `{{$}}` expands to.
      inputs_spec: the component's inputDefinitions; types of input artifacts and parameters.
      outputs_spec: the component's outputDefinitions; types of output artifacts.

    Raises:
      UserError: it is not JSON, or an artifact lies where the launcher cannot have put it.
    """
    try:
        given = json.loads(invocation)
    except json.JSONDecodeError as error:
        raise UserError(
            f"the launcher's ExecutorInput is not JSON ({error}): {invocation[:80]!r}",
            fix="run this image with a document that `imagemill kubeflow compile` made",
        ) from None
    inputs, outputs = given.get("inputs", {}), given.get("outputs", {})
    return Task(
        inputs=_artifacts(inputs.get("artifacts", {}), _titles(inputs_spec)),
        outputs=_artifacts(outputs.get("artifacts", {}), _titles(outputs_spec)),
        parameters=_parameters(inputs, inputs_spec),
        output_file=str(outputs.get("outputFile", "")),
    )


def local_path(uri: str) -> str:
    """The path that the launcher uses for `uri`; a local path stays as it is.

    Raises:
      UserError: a scheme that KFP's launcher does not handle.
    """
    for scheme, root in LOCAL_ROOTS.items():
        if uri.startswith(scheme):
            return _under_root(root + uri[len(scheme) :])
    if "://" not in uri:
        return uri
    raise UserError(
        f"the artifact location {uri!r} is none that KFP's launcher fetches",
        fix=f"set the pipeline root to one of {', '.join(LOCAL_ROOTS)}...",
    )


def _under_root(path: str) -> str:
    # A test cannot write to /minio; the launcher in a cluster always does.
    return os.environ.get(ROOT_VARIABLE, "") + path


def schema_title(schema: Mapping[str, Any]) -> str:
    """The title in an ArtifactTypeSchema; "" where it is blank or is KFP's own generic type."""
    title = str(schema.get("schemaTitle", ""))
    instance = schema.get("instanceSchema")
    if instance:
        title = str((yaml.safe_load(instance) or {}).get("title", ""))
    return "" if title.startswith("system.") else title


def _titles(spec: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: schema_title(artifact.get("artifactType", {}))
        for name, artifact in spec.get("artifacts", {}).items()
    }


def _artifacts(
    given: Mapping[str, Any], titles: Mapping[str, str]
) -> dict[str, list[TaskArtifact]]:
    return {
        name: [_artifact(value, titles.get(name, "")) for value in holder.get("artifacts", [])]
        for name, holder in given.items()
        # What starts with `_` is there for a condition; the executor knows nothing of it.
        if name not in LAUNCHER_OUTPUTS and not name.startswith("_")
    }


def _artifact(value: Mapping[str, Any], title: str) -> TaskArtifact:
    path = value.get("customPath") or local_path(str(value.get("uri", "")))
    return TaskArtifact(
        name=str(value.get("name", "")),
        # The compiled document knows best; what the backend says is blank or generic.
        title=title or schema_title(value.get("type", {})) or "tfx.Artifact",
        path=str(path),
        metadata=dict(value.get("metadata") or {}),
    )


def _parameters(inputs: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    declared = spec.get("parameters", {})
    given = {**_defaults(declared), **inputs.get("parameterValues", {})}
    return {
        name: int(value) if declared.get(name, {}).get("parameterType") == _INTEGER else value
        for name, value in given.items()
        if value is not None
    }


def _defaults(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: parameter["defaultValue"]
        for name, parameter in declared.items()
        if "defaultValue" in parameter
    }


def make_folders(task: Task) -> None:
    """Creates every output folder, and every input folder that was empty and so never travelled."""
    for artifacts in (*task.inputs.values(), *task.outputs.values()):
        for artifact in artifacts:
            Path(artifact.path).mkdir(parents=True, exist_ok=True)
