"""Between KFP's artifacts and TFX's; the one module here that knows TFX's artifact classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.types import artifact as artifact_lib
from tfx.types import standard_artifacts
from tfx.types.experimental import simple_artifacts

from kubeflow.executor_input import TaskArtifact

# KFP sets these on what it stores; they mean nothing to a component.
_OF_KFP = frozenset({"display_name", "store_session_info", "tfx_version"})


def to_tfx(given: Mapping[str, list[TaskArtifact]]) -> dict[str, list[artifact_lib.Artifact]]:
    """Makes TFX artifacts whose URIs are local folders."""
    return {name: [_to_tfx(artifact) for artifact in found] for name, found in given.items()}


def artifact_class(title: str) -> Any:
    """The class for a schema title such as `tfx.Examples`; a generic one for an unknown title."""
    name = title.rpartition(".")[2]
    for module in (standard_artifacts, simple_artifacts):
        found = getattr(module, name, None)
        if isinstance(found, type) and issubclass(found, artifact_lib.Artifact):
            return found
    return simple_artifacts.File


def _to_tfx(given: TaskArtifact) -> artifact_lib.Artifact:
    artifact = artifact_class(given.title)()
    artifact.uri = given.path
    declared = artifact.artifact_type.properties
    for key, value in given.metadata.items():
        if key in _OF_KFP:
            continue
        kind = declared.get(key)
        place = artifact.mlmd_artifact
        target = place.custom_properties[key] if kind is None else place.properties[key]
        _set(target, value, kind)
    return artifact


def _set(target: metadata_store_pb2.Value, value: Any, kind: int | None) -> None:
    """Sets an ML Metadata value; JSON knows no integers, so a whole number becomes one."""
    if isinstance(value, bool):
        target.int_value = int(value)
    elif isinstance(value, (int, float)):
        if kind == metadata_store_pb2.DOUBLE or not float(value).is_integer():
            target.double_value = float(value)
        else:
            target.int_value = int(value)
    else:
        target.string_value = str(value)


def metadata_of(artifact: artifact_lib.Artifact) -> dict[str, Any]:
    """Properties and custom properties, merged as KFP merges them; unset ones are left out."""
    found: dict[str, Any] = {}
    for values in (artifact.mlmd_artifact.properties, artifact.mlmd_artifact.custom_properties):
        for key, value in values.items():
            kind = value.WhichOneof("value")
            if kind in ("int_value", "double_value", "string_value"):
                found[key] = getattr(value, kind)
    return found
