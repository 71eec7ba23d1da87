"""`create_pipeline` is a pure function whose result both runners can take."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.config import Config, make_config

CONFIG = make_config({"name": "scenes", "data": {"root": "photos"}}, source="a test")
NODES = [
    "retrain-check",
    "image-example-gen",
    "statistics-gen",
    "schema-gen",
    "data-gate",
    "trainer",
    "model-evaluator",
    "model-validator",
    "model-pusher",
    "report",
]


def _ir(config: Config = CONFIG, **versions: str):
    from tfx.dsl.compiler.compiler import Compiler

    from pipeline.create import create_pipeline

    return Compiler().compile(create_pipeline(config, **versions))


def _deployment(ir):
    """The deployment config, unpacked: as bytes its map has no fixed order."""
    from tfx.proto.orchestration import pipeline_pb2

    config = pipeline_pb2.IntermediateDeploymentConfig()
    assert ir.deployment_config.Unpack(config)
    return config


def _nodes(ir) -> dict:
    return {node.pipeline_node.node_info.id: node.pipeline_node for node in ir.nodes}


def test_nodes_in_order_with_ids_that_kubeflow_accepts():
    ids = list(_nodes(_ir()))
    assert [node for node in ids if node in NODES] == NODES
    for node_id in ids:
        assert re.fullmatch(r"[a-zA-Z0-9][-a-zA-Z0-9]*", node_id)


def test_nothing_that_kubeflow_lacks():
    types = {node.node_info.type.name for node in _nodes(_ir()).values()}
    for forbidden in ("Resolver", "FileBasedExampleGen", "InfraValidator", "ImportExampleGen"):
        assert not any(forbidden in name for name in types), types


def test_everything_hangs_on_the_decision_to_train():
    nodes = _nodes(_ir())
    for node_id, node in nodes.items():
        conditions = list(node.inputs.conditionals)
        assert bool(conditions) == (node_id != "retrain-check"), node_id


def test_training_waits_for_the_data_gate():
    assert "data-gate" in _nodes(_ir())["trainer"].upstream_nodes


def test_equal_arguments_make_equal_pipelines():
    first, second = (_ir(data_version="d", code_version="c") for _ in range(2))
    assert _deployment(first) == _deployment(second)
    first.ClearField("deployment_config")
    second.ClearField("deployment_config")
    assert first == second


def test_the_versions_reach_the_steps_that_they_invalidate():
    nodes = _nodes(_ir(data_version="d-17", code_version="c-42"))
    for node_id in ("retrain-check", "image-example-gen"):
        assert "d-17" in str(nodes[node_id].parameters), node_id
    for node_id in ("image-example-gen", "data-gate", "trainer", "model-evaluator"):
        assert "c-42" in str(nodes[node_id].parameters), node_id


def test_a_step_is_known_by_the_code_that_it_can_reach():
    nodes = _nodes(_ir(code_version="c-42", step_versions={"trainer": "t-7", "data-gate": "g-8"}))
    told = {"trainer": "t-7", "data-gate": "g-8", "model-evaluator": "c-42", "report": "c-42"}
    for node_id, version in told.items():
        others = {"t-7", "g-8", "c-42"} - {version}
        assert version in str(nodes[node_id].parameters), node_id
        assert not [one for one in others if one in str(nodes[node_id].parameters)], node_id


def test_the_version_in_service_reaches_the_steps_that_compare_with_it():
    nodes = _nodes(_ir(in_service="v-9"))
    told = [node_id for node_id, node in nodes.items() if "v-9" in str(node.parameters)]
    assert told == ["data-gate", "model-evaluator"]


def test_locations_are_runtime_parameters_with_the_configs_values():
    parameters = str(_nodes(_ir())["image-example-gen"].parameters)
    for name, value in (("data-root", "photos"), ("registry", "imagemill-output/registry")):
        assert f'name: "{name}"' in parameters
        assert value in parameters


def test_run_version_ignores_places_and_heeds_settings():
    from pipeline.versions import run_version

    def version(code: str = "c", **values: object) -> str:
        base = {"name": "scenes", "data": {"root": "photos"}}
        return run_version(make_config({**base, **values}, source="a test"), code)

    same = version()
    assert version(output="/elsewhere", cache=False) == same
    assert version(data={"root": "moved"}) == same
    assert version(train={"epochs": 99}) != same
    assert version(code="other") != same


@pytest.mark.parametrize("stem", ["pipeline"])
def test_it_compiles_with_the_kubeflow_v2_runner(tmp_path: Path, stem: str):
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as kubeflow

    from pipeline.create import create_pipeline

    target = tmp_path / f"{stem}.json"
    runner = kubeflow.KubeflowV2DagRunner(
        kubeflow.KubeflowV2DagRunnerConfig(default_image="image"), output_filename=str(target)
    )
    runner.run(create_pipeline(CONFIG), write_out=True)
    spec = json.loads(target.read_text())["pipelineSpec"]
    assert set(NODES) <= {*spec["root"]["dag"]["tasks"], *_inner_tasks(spec)}


def _inner_tasks(spec: dict) -> set[str]:
    """Tasks of the sub-graphs that conditions may be compiled to."""
    return {
        task
        for component in spec.get("components", {}).values()
        for task in component.get("dag", {}).get("tasks", {})
    }


def test_a_search_comes_before_the_training_where_the_config_asks_for_it():
    ids = list(_nodes(_ir()))
    assert "tuner" not in ids
    config = CONFIG.model_copy(update={"tune": CONFIG.tune.model_copy(update={"enabled": True})})
    nodes = _nodes(_ir(config))
    assert list(nodes).index("tuner") == list(nodes).index("trainer") - 1
    assert "data-gate" in nodes["tuner"].upstream_nodes
    assert "hyperparameters" in nodes["trainer"].inputs.inputs
    found = nodes["tuner"].parameters.parameters["tuner_fn"].field_value.string_value
    assert found == "trainer.tuning.tuner_fn"
