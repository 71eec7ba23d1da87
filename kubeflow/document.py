"""The pass over the pipeline spec that TFX compiled: what open-source KFP needs and TFX leaves out.

Every function takes the document as a dict and changes it in place; `kubeflow.compile` calls them in order. A dict,
because older kfp-pipeline-spec packages do not know all fields that the backend reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubeflow.page import HTML, Page
from pipeline.cluster_config import ClusterConfig, NodeConfig, quantity
from pipeline.config import BeamConfig

Document = dict[str, Any]
IMAGE_PARAMETER = "image"
_GIGA = 1e9


@dataclass(frozen=True)
class RunParameter:
    """A parameter of the run that a person may set in KFP's form.

    Attributes:
      name: its name there.
      kind: STRING or NUMBER_INTEGER.
      default: its value where nobody sets it.
      lay_over: for each step that does not take the parameter itself, where its value goes: `property.key` as in
        `kubeflow.lay_over`, or "" for a step that only its document needs.
    """

    name: str
    kind: str
    default: str | int
    lay_over: Mapping[str, str]


def executor_of(document: Document, node_id: str) -> Document:
    """The container of a step."""
    label = document["components"][node_id]["executorLabel"]
    container: Document = document["deploymentSpec"]["executors"][label]["container"]
    return container


def tasks_of(document: Document) -> dict[str, Document]:
    """The tasks of the pipeline by step id."""
    tasks: dict[str, Document] = document["root"]["dag"]["tasks"]
    return tasks


def restore_defaults(document: Document, defaults: Mapping[str, str | int | float]) -> None:
    """Gives every root parameter its default back: TFX drops it, and KFP then refuses the run."""
    for name, parameter in document["root"]["inputDefinitions"]["parameters"].items():
        if name in defaults:
            parameter["defaultValue"] = defaults[name]


def add_parameter(document: Document, parameter: RunParameter) -> None:
    """Adds a run parameter and hands it to the steps in its `lay_over`."""
    root = document["root"].setdefault("inputDefinitions", {}).setdefault("parameters", {})
    root[parameter.name] = {"parameterType": parameter.kind, "defaultValue": parameter.default}
    for node_id in parameter.lay_over:
        if node_id not in document["components"]:
            continue
        inputs = document["components"][node_id].setdefault("inputDefinitions", {})
        inputs.setdefault("parameters", {})[parameter.name] = {"parameterType": parameter.kind}
        given = tasks_of(document)[node_id].setdefault("inputs", {}).setdefault("parameters", {})
        given[parameter.name] = {"componentInputParameter": parameter.name}


def image_parameter(cluster: ClusterConfig, node_ids: Iterable[str]) -> RunParameter:
    """The image as a run parameter of every step but those with an image of their own."""
    shared = {node: "" for node in node_ids if not cluster.node(node).image}
    return RunParameter(IMAGE_PARAMETER, "STRING", cluster.image, shared)


def set_image(document: Document, node_id: str, node: NodeConfig) -> None:
    """Names the image, or the parameter that names it: the driver resolves that placeholder."""
    placeholder = f"{{{{$.inputs.parameters['{IMAGE_PARAMETER}']}}}}"
    executor_of(document, node_id)["image"] = node.image or placeholder


def set_arguments(
    document: Document,
    node_id: str,
    parameters: Sequence[RunParameter],
    beam_args: Sequence[str],
) -> None:
    """Rebuilds a step's arguments: TFX's known flags, ours, and Beam's options of this step."""
    component, container = document["components"][node_id], executor_of(document, node_id)
    flags = dict(zip(container["args"][0::2], container["args"][1::2], strict=False))
    specs = {
        "inputs": component.get("inputDefinitions", {}),
        "outputs": component.get("outputDefinitions", {}),
    }
    container["args"] = [
        "--node_id",
        node_id,
        *_flag(flags, "--executor_class_path"),
        *_flag(flags, "--json_serialized_invocation_args"),
    ]
    for side, spec in specs.items():
        text = json.dumps(spec, sort_keys=True, separators=(",", ":"))
        container["args"] += [f"--json_serialized_{side}_spec_args", text]
    for parameter in parameters:
        if node_id in parameter.lay_over:
            container["args"] += [
                "--lay_over",
                f"{parameter.name}={parameter.lay_over[node_id]}",
            ]
    container["args"] += beam_args


def _flag(flags: Mapping[str, str], name: str) -> list[str]:
    if name not in flags:
        raise ValueError(f"TFX compiled a step without {name}: received {sorted(flags)}")
    return [name, flags[name]]


def beam_arguments(beam: BeamConfig, node_id: str, node: NodeConfig) -> list[str]:
    """Beam's options of a step: its own, or those of `beam:` with a worker per core of the pod.

    A count of cores that Beam finds by itself would be the node's, not the pod's.
    """
    if node.beam is not None:
        return list(node.beam)
    workers = max(1, math.ceil(quantity(node.cpu or "1")))
    return beam.model_copy(update={"workers": workers}).step_args(node_id)


def add_page(document: Document, page: Page) -> None:
    """Gives a step an output that KFP's UI shows, and tells the entrypoint what to put there."""
    outputs = document["components"][page.node_id]["outputDefinitions"]["artifacts"]
    outputs[page.name] = {"artifactType": dict(HTML)}
    executor_of(document, page.node_id)["args"] += ["--page", page.rule]


def set_task(document: Document, node_id: str, node: NodeConfig) -> None:
    """Caching and retries of a task."""
    task = tasks_of(document)[node_id]
    task["cachingOptions"] = {"enableCache": True} if node.cache else {}
    if node.retries:
        task["retryPolicy"] = {
            "maxRetryCount": node.retries,
            "backoffDuration": f"{node.retry_delay_seconds}s",
            "backoffFactor": node.retry_delay_factor,
            "backoffMaxDuration": f"{node.retry_limit_seconds}s",
        }


def set_environment(document: Document, node_id: str, variables: Mapping[str, str]) -> None:
    """Plain environment variables, sorted by name."""
    if variables:
        executor_of(document, node_id)["env"] = [
            {"name": name, "value": value} for name, value in sorted(variables.items())
        ]


def set_resources(document: Document, node_id: str, node: NodeConfig) -> None:
    """CPU in cores, memory in GB and GPUs, in the fields that every KFP v2 backend reads."""
    resources: Document = {
        "cpuLimit": _cores(node.cpu),
        "memoryLimit": _gigabytes(node.memory),
        "cpuRequest": _cores(node.cpu_request or node.cpu),
        "memoryRequest": _gigabytes(node.memory_request or node.memory),
    }
    resources = {key: value for key, value in resources.items() if value}
    if node.gpus:
        resources["accelerator"] = {"type": node.gpu_resource, "count": str(node.gpus)}
    executor_of(document, node_id)["resources"] = resources


def _cores(text: str | None) -> float:
    return round(quantity(text), 3) if text else 0.0


def _gigabytes(text: str | None) -> float:
    return round(quantity(text) / _GIGA, 3) if text else 0.0
