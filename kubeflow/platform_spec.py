"""The second document of the YAML: what Kubernetes alone knows (placement, volumes, secrets, /dev/shm, users)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.cluster_config import ClusterConfig, NodeAffinity, NodeConfig, Toleration

SHM_PATH = "/dev/shm"


def platform_spec(cluster: ClusterConfig, executors: dict[str, str]) -> dict[str, Any]:
    """The platform spec.

    Args:
      cluster: the `kubeflow:` section.
      executors: executor label of each step.
    """
    by_label = {
        label: executor_config(cluster, cluster.node(node_id))
        for node_id, label in executors.items()
    }
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": by_label}}}}


def executor_config(cluster: ClusterConfig, node: NodeConfig) -> dict[str, Any]:
    """A KubernetesExecutorConfig without the fields that are empty."""
    config: dict[str, Any] = {
        "imagePullPolicy": cluster.image_pull_policy,
        "imagePullSecret": [_secret(name) for name in cluster.image_pull_secrets],
        "activeDeadlineSeconds": str(node.timeout_seconds) if node.timeout_seconds else "",
        "nodeSelector": {"labels": node.node_selector} if node.node_selector else {},
        "tolerations": [_toleration(item) for item in node.tolerations or ()],
        "nodeAffinity": _affinity(node.affinity or ()),
        "pvcMount": [
            {
                "pvcNameParameter": _constant(volume.claim),
                "mountPath": volume.path,
                **({"subPath": volume.sub_path} if volume.sub_path else {}),
            }
            for volume in node.volumes or ()
        ],
        "secretAsEnv": [
            {
                **_secret(item.secret),
                "keyToEnv": [{"secretKey": item.key, "envVar": item.env}],
                "optional": False,
            }
            for item in node.secret_env or ()
        ],
        "secretAsVolume": [
            {**_secret(item.secret), "mountPath": item.path, "optional": False}
            for item in node.secret_files or ()
        ],
        "emptyDirMounts": _shared_memory(node.shared_memory),
        "securityContext": _security(cluster.run_as_user),
        "podMetadata": {
            key: value
            for key, value in (("labels", node.labels), ("annotations", node.annotations))
            if value
        },
    }
    return {key: value for key, value in config.items() if value}


def _constant(text: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": text}}


def _secret(name: str) -> dict[str, Any]:
    return {"secretNameParameter": _constant(name)}


def _toleration(item: Toleration) -> dict[str, Any]:
    given = {
        "key": item.key,
        "operator": item.operator,
        "value": item.value,
        "effect": item.effect,
        "tolerationSeconds": None if item.seconds is None else str(item.seconds),
    }
    return {key: value for key, value in given.items() if value}


def _affinity(items: Iterable[NodeAffinity]) -> list[dict[str, Any]]:
    """Requirements of one term must all hold, so they share it; each preference is its own."""
    items = list(items)
    required = [_expression(item) for item in items if item.weight is None]
    terms: list[dict[str, Any]] = [{"matchExpressions": required}] if required else []
    return terms + [
        {"matchExpressions": [_expression(item)], "weight": item.weight}
        for item in items
        if item.weight is not None
    ]


def _expression(item: NodeAffinity) -> dict[str, Any]:
    given = {"key": item.key, "operator": item.operator, "values": list(item.values)}
    return {key: value for key, value in given.items() if value}


def _shared_memory(size: str | None) -> list[dict[str, str]]:
    """/dev/shm as a memory volume: `enabledSharedMemory` of the proto is read by no backend code."""
    if not size:
        return []
    return [{"volumeName": "dshm", "mountPath": SHM_PATH, "medium": "Memory", "sizeLimit": size}]


def _security(user: int | None) -> dict[str, Any]:
    if user is None:
        return {"runAsNonRoot": True}
    return {"runAsNonRoot": True, "runAsUser": str(user), "runAsGroup": str(user)}
