"""What open-source KFP would choke on, found in the document before a cluster does.

    for problem in problems(spec, platform, config):
        print(problem)

Errors are things that the backend refuses or silently gets wrong; warnings are things that often go wrong later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubeflow.document import executor_of, tasks_of
from kubeflow.executor_input import LOCAL_ROOTS
from pipeline.cluster_config import GPU_NODE, ClusterConfig

SCHEMA_VERSION = "2.1.0"
MAX_ARGUMENT_BYTES = 128 * 1024
WORKSPACE_PATH = "/kfp-workspace"
_NODE_ID = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_ALLOWED_PLACEHOLDER = re.compile(r"\{\{\$(\.inputs\.parameters\['[^']+'\])?\}\}")
_RESERVED_IDS = frozenset({"root", "entrypoint"})
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._:/-]*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]+)?")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Problem:
    """One finding.

    Attributes:
      where: the step or setting.
      message: what is wrong and what to do.
      fatal: whether the backend would refuse or corrupt the run.
    """

    where: str
    message: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{'error' if self.fatal else 'warning'}: {self.where}: {self.message}"


def problems(
    spec: dict[str, Any], platform: Mapping[str, Any], cluster: ClusterConfig
) -> list[Problem]:
    """Everything found in a compiled document, errors first."""
    found = [
        *_document(spec),
        *_parameters(spec),
        *_ids(spec),
        *_kinds(spec),
        *_strings(spec),
        *_gpus(spec),
        *_platform(spec, platform),
        *_places(spec, cluster),
        *_pipeline_root(cluster),
        *_images(cluster),
    ]
    return sorted(found, key=lambda problem: not problem.fatal)


def _document(spec: Mapping[str, Any]) -> Iterator[Problem]:
    if spec.get("schemaVersion") != SCHEMA_VERSION:
        got = spec.get("schemaVersion")
        yield Problem("schemaVersion", f"must be {SCHEMA_VERSION!r}, got {got!r}")
    name = spec.get("pipelineInfo", {}).get("name", "")
    if not _DNS_LABEL.fullmatch(name):
        yield Problem("pipelineInfo.name", f"is no DNS-1123 label, as pods need: {name!r}")
    yield from _nulls(spec, "")


def _nulls(value: Any, where: str) -> Iterator[Problem]:
    """The backend's protobuf JSON reads null as "not set", and refuses it where a value is due."""
    if value is None:
        yield Problem(where, "is null")
    children = enumerate(value) if isinstance(value, list) else ()
    for key, child in value.items() if isinstance(value, Mapping) else children:
        yield from _nulls(child, f"{where}.{key}" if where else str(key))


def _parameters(spec: Mapping[str, Any]) -> Iterator[Problem]:
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, parameter in declared.items():
        if "defaultValue" not in parameter:
            yield Problem(
                f"parameter {name}", "has no default: a run that leaves it out is rejected"
            )


def _ids(spec: dict[str, Any]) -> Iterator[Problem]:
    tasks = tasks_of(spec)
    for node_id in tasks:
        if not _NODE_ID.fullmatch(node_id):
            yield Problem(node_id, "id must match [a-zA-Z0-9][-a-zA-Z0-9]*: no `_`, no `.`")
        if node_id in _RESERVED_IDS or node_id.endswith("-driver"):
            yield Problem(node_id, "id collides with a template that KFP makes itself")


def _kinds(spec: dict[str, Any]) -> Iterator[Problem]:
    executors = spec["deploymentSpec"]["executors"]
    for node_id, task in tasks_of(spec).items():
        kinds = set(executors[spec["components"][node_id]["executorLabel"]])
        if "resolver" in kinds:
            yield Problem(node_id, "is a Resolver, which KFP's compiler does not implement")
        if "importer" in kinds and task.get("triggerPolicy", {}).get("condition"):
            yield Problem(node_id, "is an Importer under a condition, which KFP refuses")
        if "container" in kinds and "lifecycle" in executor_of(spec, node_id):
            yield Problem(node_id, "is a FileBasedExampleGen: its driver never runs on KFP")
        if "container" in kinds and any(
            arg.startswith("__main__.") for arg in executor_of(spec, node_id).get("args", ())
        ):
            yield Problem(node_id, "has an executor in __main__, which no container can import")
        for name, given in task.get("inputs", {}).get("parameters", {}).items():
            if name in ("module_file", "module_path"):
                yield Problem(node_id, f"has a {name}: use run_fn with the code in the image")
            if "taskOutputParameter" in given:
                yield Problem(node_id, f"parameter {name!r} comes from another step's output")
        if spec["components"][node_id].get("outputDefinitions", {}).get("parameters"):
            yield Problem(node_id, "has output parameters, which its entrypoint does not write")


def _strings(spec: dict[str, Any]) -> Iterator[Problem]:
    for node_id, task in tasks_of(spec).items():
        together = 0
        for name, given in task.get("inputs", {}).get("parameters", {}).items():
            constant = given.get("runtimeValue", {}).get("constant")
            if isinstance(constant, str):
                yield from _constant(f"{node_id}.{name}", constant)
                together += len(json.dumps(constant))
        if together > MAX_ARGUMENT_BYTES:
            yield Problem(
                node_id, "has parameters too long for the one argument that holds them all"
            )
        container = executor_of(spec, node_id)
        for text in (*container.get("command", ()), *container.get("args", ())):
            yield from _constant(f"{node_id} argument", _ALLOWED_PLACEHOLDER.sub("", text))


def _constant(where: str, text: str) -> Iterator[Problem]:
    if "{{" in text:
        at = text.index("{{")
        yield Problem(where, f"holds {text[at : at + 20]!r}, which Argo would take for a template")
    if len(text.encode()) > MAX_ARGUMENT_BYTES:
        yield Problem(
            where, f"is longer than {MAX_ARGUMENT_BYTES // 1024} KiB: Linux refuses to start it"
        )
    if WORKSPACE_PATH in text:
        yield Problem(where, f"holds {WORKSPACE_PATH!r}: KFP would mount a workspace volume")


def _gpus(spec: dict[str, Any]) -> Iterator[Problem]:
    for node_id in tasks_of(spec):
        resources = executor_of(spec, node_id).get("resources", {})
        if "accelerator" in resources and node_id != GPU_NODE:
            yield Problem(node_id, f"asks for GPUs; only {GPU_NODE} uses any")


def _platform(spec: dict[str, Any], platform: Mapping[str, Any]) -> Iterator[Problem]:
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for label in sorted(set(executors) - set(spec["deploymentSpec"]["executors"])):
        yield Problem(label, "is configured for Kubernetes but is no executor of the pipeline")
    for label, config in executors.items():
        if "enabledSharedMemory" in config:
            yield Problem(label, "enabledSharedMemory is read by no backend: use emptyDirMounts")
        if not config.get("securityContext", {}).get("runAsNonRoot"):
            yield Problem(label, "may run as root; KFP's pods may not")
        yield from _nulls(config, label)
        yield from _volumes(label, config)


def _volumes(label: str, config: Mapping[str, Any]) -> Iterator[Problem]:
    """The driver names a pod's volume after the claim or the secret: names must differ and be DNS labels."""
    mounts = [
        *((mount, "pvcNameParameter") for mount in config.get("pvcMount", ())),
        *((mount, "secretNameParameter") for mount in config.get("secretAsVolume", ())),
    ]
    names = [mount[key]["runtimeValue"]["constant"] for mount, key in mounts]
    names += [mount["volumeName"] for mount in config.get("emptyDirMounts", ())]
    paths = [mount["mountPath"] for mount, _ in mounts]
    paths += [mount["mountPath"] for mount in config.get("emptyDirMounts", ())]
    for twice in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(label, f"mounts {twice!r} twice: mount its root once, and name each apart")
    for twice in sorted({path for path in paths if paths.count(path) > 1}):
        yield Problem(label, f"mounts two volumes at {twice!r}")
    for name in sorted({name for name in names if not _DNS_LABEL.fullmatch(name)}):
        yield Problem(
            label,
            f"{name!r} cannot name a volume, as KFP would: lower-case letters, digits and hyphens",
        )


def _places(spec: dict[str, Any], cluster: ClusterConfig) -> Iterator[Problem]:
    """Folders that a step reads or writes must be there in its pod."""
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for name in ("data-root", "registry"):
        path = str(declared.get(name, {}).get("defaultValue", ""))
        yield from _scheme(name, path)
        if name not in declared or "://" in path:
            continue
        for node_id, task in tasks_of(spec).items():
            given = task.get("inputs", {}).get("parameters", {}).values()
            uses = any(value.get("componentInputParameter") == name for value in given)
            if uses and not _mounted(path, cluster, node_id):
                yield Problem(
                    node_id,
                    f"{name} is {path!r}, which is neither remote nor under a volume of this step: set "
                    f"`kubeflow.{name.replace('-', '_')}`, or mount it with `kubeflow.defaults.volumes`",
                    fatal=False,
                )


def _scheme(name: str, path: str) -> Iterator[Problem]:
    """Only KFP's launcher speaks minio://; photos and registry are read by Beam's file systems."""
    if path.startswith("minio://"):
        yield Problem(name, f"is {path!r}, which Beam cannot read: use a volume, gs:// or s3://")


def _mounted(path: str, cluster: ClusterConfig, node_id: str) -> bool:
    volumes = cluster.node(node_id).volumes or ()
    return any(f"{path}/".startswith(volume.path.rstrip("/") + "/") for volume in volumes)


def _pipeline_root(cluster: ClusterConfig) -> Iterator[Problem]:
    root = cluster.pipeline_root
    if root and not root.startswith(tuple(LOCAL_ROOTS)):
        schemes = ", ".join(LOCAL_ROOTS)
        yield Problem("kubeflow.pipeline_root", f"must start with one of {schemes}, got {root!r}")


def _images(cluster: ClusterConfig) -> Iterator[Problem]:
    images = {"image": cluster.image}
    images |= {
        f"nodes.{name}.image": node.image for name, node in cluster.nodes.items() if node.image
    }
    for where, image in images.items():
        if not _IMAGE.fullmatch(image):
            yield Problem(
                f"kubeflow.{where}", f"{image!r} is no image name: host/path:tag, lower case"
            )
        elif "@sha256:" not in image:
            yield Problem(
                f"kubeflow.{where}",
                f"{image!r} is not pinned by digest: a retry may run other code (name@sha256:...)",
                fatal=False,
            )
