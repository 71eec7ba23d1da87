"""Compiles the local runner's pipeline object to the YAML that open-source KFP v2 takes.

    compiled = compile_pipeline(load_config("scenes.yaml"))
    Path("pipeline.yaml").write_text(compiled.yaml())

Equal configs and code make equal bytes, so a change of the document is a change of the pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.report.files import PAGE_FILE
from kubeflow import document as doc
from kubeflow import run_end, warm_start
from kubeflow.document_yaml import dump
from kubeflow.entrypoint import COMMAND
from kubeflow.lint import Problem, problems
from kubeflow.page import Page
from kubeflow.platform_spec import platform_spec
from kubeflow.schema_check import check_pipeline_spec, check_platform_spec
from pipeline.config import Config
from trainer.errors import UserError

PAGES = (Page("report", "report", PAGE_FILE, "page"),)
# KFP decides where artifacts go; a folder of this machine would only make documents differ.
OUTPUT = "imagemill-output"


@dataclass(frozen=True)
class Compiled:
    """A compiled pipeline.

    Attributes:
      spec: the pipeline spec, schema version 2.1.0.
      platform: the platform spec.
      warnings: what often goes wrong later.
    """

    spec: dict[str, Any]
    platform: dict[str, Any]
    warnings: tuple[Problem, ...]

    def yaml(self) -> str:
        """Both documents as one YAML text, keys sorted."""
        return dump(self.spec, self.platform)


def compile_pipeline(
    config: Config, *, code_version: str | None = None, data_version: str = ""
) -> Compiled:
    """Compiles `config`'s pipeline.

    Args:
      config: all settings; `kubeflow.data_root` and `kubeflow.registry` replace the local places.
      code_version: digest of the code; None computes it.
      data_version: fingerprint of the input, "" to let the steps compute it on the cluster.

    Raises:
      UserError: the document holds something that KFP refuses.
    """
    from pipeline.code_version import code_version as digest_of_code
    from pipeline.create import create_pipeline

    on_cluster = cluster_places(config)
    version = digest_of_code() if code_version is None else code_version
    pipeline = create_pipeline(on_cluster, data_version=data_version, code_version=version)
    return compile_object(pipeline, on_cluster)


def compile_object(pipeline: Any, config: Config) -> Compiled:
    """Compiles a TFX pipeline object; `config` says how its steps are placed."""
    spec = _tfx_spec(pipeline)
    doc.restore_defaults(spec, runtime_defaults(pipeline))
    node_ids = tuple(doc.tasks_of(spec))
    parameters = [doc.image_parameter(config.kubeflow, node_ids), *_laid_over(config)]
    parameters = [p for p in parameters if set(p.lay_over) & set(node_ids)]
    for parameter in parameters:
        doc.add_parameter(spec, parameter)
    for node_id in node_ids:
        node = config.kubeflow.node(node_id)
        doc.set_image(spec, node_id, node)
        further = warm_start.arguments(config, node_id)
        beam = doc.beam_arguments(config.beam, node_id, node)
        doc.set_arguments(spec, node_id, parameters, [*further, *beam])
        # What depends on the version in service is never reused: no parameter says which one it is.
        doc.set_task(spec, node_id, node.model_copy(update={"cache": False}) if further else node)
        doc.set_resources(spec, node_id, node)
        doc.set_environment(
            spec, node_id, {**run_end.environment(config, node), **(node.env or {})}
        )
    # After the arguments: the executor knows nothing of an output that only KFP's UI looks at.
    for page in PAGES:
        if page.node_id in node_ids:
            doc.add_page(spec, page)
    labels = {node_id: spec["components"][node_id]["executorLabel"] for node_id in node_ids}
    platform = platform_spec(config.kubeflow, labels)
    return _checked(spec, platform, config)


def cluster_places(config: Config) -> Config:
    """The config with the cluster's places instead of those of the machine that compiles."""
    cluster = config.kubeflow
    data = config.data.model_copy(update={"root": cluster.data_root or config.data.root})
    registry = cluster.registry or config.registry_root
    return config.model_copy(update={"output": OUTPUT, "data": data, "registry": registry})


def runtime_defaults(pipeline: Any) -> dict[str, str | int | float]:
    """Defaults of the pipeline object's RuntimeParameters, by name."""
    from tfx.orchestration.data_types import RuntimeParameter

    found: dict[str, str | int | float] = {}
    for component in pipeline.components:
        for value in component.exec_properties.values():
            if isinstance(value, RuntimeParameter) and value.default is not None:
                found[value.name] = value.default
    return found


def _laid_over(config: Config) -> list[doc.RunParameter]:
    """Parameters that TFX cannot express: values inside the Trainer's one JSON property."""
    return [
        doc.RunParameter(
            "epochs",
            "NUMBER_INTEGER",
            config.train.epochs,
            {"trainer": "custom_config.config.epochs", "model-pusher": "run_config.train.epochs"},
        ),
        doc.RunParameter(
            "registry", "STRING", config.registry_root, {"trainer": "custom_config.registry"}
        ),
    ]


def _tfx_spec(pipeline: Any) -> dict[str, Any]:
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as kubeflow_v2

    runner = kubeflow_v2.KubeflowV2DagRunner(
        kubeflow_v2.KubeflowV2DagRunnerConfig(
            default_image="set-later",
            default_commands=list(COMMAND),
            use_pipeline_spec_2_1=True,
        )
    )
    spec: dict[str, Any] = runner.run(pipeline, write_out=False)["pipelineSpec"]
    return spec


def _checked(spec: dict[str, Any], platform: Mapping[str, Any], config: Config) -> Compiled:
    found = problems(spec, platform, config.kubeflow)
    fatal = [problem for problem in found if problem.fatal]
    if fatal:
        raise UserError(
            f"Kubeflow would refuse this pipeline: {fatal[0].where}: {fatal[0].message}"
            + (f" (and {len(fatal) - 1} more)" if len(fatal) > 1 else ""),
            fix="change that setting, or the step if you wrote one",
        )
    check_pipeline_spec(spec)
    check_platform_spec(platform)
    return Compiled(spec, dict(platform), tuple(found))
