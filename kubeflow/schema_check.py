"""Checks the two documents against the protos that KFP's backend parses them with."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

KUBERNETES_PROTOS = "kfp.kubernetes"
# Fields that the backend reads and kfp-pipeline-spec 0.2 (TFX 1.16's) does not know yet.
_NEWER_RESOURCES = frozenset({"cpuRequest", "memoryRequest"})


def check_pipeline_spec(spec: Mapping[str, Any]) -> None:
    """Parses the pipeline spec and its deployment spec.

    Raises:
      google.protobuf.json_format.ParseError: an unknown field or a wrong type, with its path.
    """
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    json_format.ParseDict(dict(spec), pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(
        _readable(spec["deploymentSpec"]), pipeline_spec_pb2.PipelineDeploymentConfig()
    )


def _readable(deployment: Mapping[str, Any]) -> dict[str, Any]:
    from kfp.pipeline_spec import pipeline_spec_pb2

    resources = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec
    unknown = _NEWER_RESOURCES - {field.json_name for field in resources.DESCRIPTOR.fields}
    executors = {}
    for label, executor in deployment["executors"].items():
        container = dict(executor["container"])
        given = container.get("resources", {})
        container["resources"] = {k: v for k, v in given.items() if k not in unknown}
        executors[label] = {"container": container}
    return {"executors": executors}


def has_kubernetes_protos() -> bool:
    """Whether kfp-kubernetes is installed (its releases for TFX 1.16's protobuf are too old)."""
    try:
        return importlib.util.find_spec(KUBERNETES_PROTOS) is not None
    except ModuleNotFoundError:
        return False


def check_platform_spec(platform: Mapping[str, Any]) -> None:
    """Parses every executor's Kubernetes config; does nothing without kfp-kubernetes.

    Raises:
      google.protobuf.json_format.ParseError: an unknown field or a wrong type, with its path.
    """
    if not has_kubernetes_protos():
        return
    from google.protobuf import json_format
    from kfp.kubernetes import kubernetes_executor_config_pb2

    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for config in executors.values():
        message = kubernetes_executor_config_pb2.KubernetesExecutorConfig()
        json_format.ParseDict(config, message)
