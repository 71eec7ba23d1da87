"""Our documents in the hands of KFP's own parser, compiler and expressions, and of Argo's validation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.kubeflow import golden

MODULE = golden.REPO / "kubeflow" / "conformance"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(shutil.which("go") is None, reason="needs Go"),
]


@pytest.fixture(scope="module")
def conformance(tmp_path_factory):
    """Runs the program; a first build takes a minute or two, a later one a second."""
    _go("mod", "download", or_skip=True)
    program = tmp_path_factory.mktemp("go") / "conformance"
    _go("build", "-o", str(program), ".")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(program), *arguments], capture_output=True, text=True, check=False
        )

    return run


def _go(*arguments: str, or_skip: bool = False) -> None:
    environment = {**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        ["go", *arguments], cwd=MODULE, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode and or_skip and os.environ.get("CI") != "true":
        pytest.skip(f"KFP's modules cannot be had here: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def workflow(conformance):
    done = conformance(str(golden.DOCUMENT))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def spec():
    return golden.read(golden.DOCUMENT)[0]


def _tasks_of(workflow):
    [root] = [t for t in workflow["spec"]["templates"] if t["name"] == "root"]
    return {task["name"]: task for task in root["dag"]["tasks"]}


def test_kfp_makes_a_workflow_that_argo_takes(workflow, spec):
    tasks = _tasks_of(workflow)
    for node_id in spec["root"]["dag"]["tasks"]:
        assert tasks[node_id]["template"] == "system-container-executor"
        assert f"{node_id}-driver" in tasks
    assert workflow["metadata"]["generateName"] == "scenes-"


def test_a_step_waits_for_those_it_needs_and_for_its_condition(workflow, spec):
    tasks = _tasks_of(workflow)
    for node_id, task in spec["root"]["dag"]["tasks"].items():
        waits = tasks[f"{node_id}-driver"].get("depends", "")
        assert {part.removesuffix(".Succeeded") for part in waits.split(" && ") if part} == set(
            task.get("dependentTasks", ())
        )
        conditional = tasks[node_id].get("when", "").endswith(".condition}} != false")
        assert conditional == ("triggerPolicy" in task)


def test_the_driver_gets_our_container_and_our_kubernetes_settings(workflow):
    annotations = workflow["metadata"]["annotations"]
    container = json.loads(annotations["pipelines.kubeflow.org/implementations-trainer"])
    assert container["command"] == ["python", "-m", "kubeflow.entrypoint"]
    assert container["resources"]["accelerator"] == {"count": "1", "type": "nvidia.com/gpu"}
    assert container["resources"]["cpuRequest"] == 4
    placed = json.loads(annotations["pipelines.kubeflow.org/kubernetes-trainer"])
    _, platform = golden.read(golden.DOCUMENT)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert placed == executors["trainer_executor"]


def test_run_parameters_are_checked_by_kfp(conformance):
    assert conformance(str(golden.DOCUMENT), "epochs=3", 'registry="/mnt/other"').returncode == 0
    done = conformance(str(golden.DOCUMENT), 'epochs="three"')
    assert done.returncode == 1
    assert "epochs requires type double or integer" in done.stderr


def test_a_digest_that_looks_like_a_number_stays_text(conformance, tmp_path: Path):
    from kubeflow.compile import compile_pipeline
    from pipeline.config import load_config

    digest = "123456789e12"
    file = tmp_path / "pipeline.yaml"
    text = compile_pipeline(load_config(golden.CONFIG), code_version=digest).yaml()
    # As PyYAML alone writes it, KFP's parser reads a number.
    plain = yaml.safe_dump_all(yaml.safe_load_all(text), sort_keys=True)
    for written, arrives in ((text, digest), (plain, 123456789 * 10**12)):
        file.write_text(written)
        done = conformance(str(file))
        assert done.returncode == 0, done.stderr
        task = json.loads(_root_driver_argument(json.loads(done.stdout), "data-gate-driver"))
        given = task["inputs"]["parameters"]["code_version"]["runtimeValue"]["constant"]
        assert given == arrives


def _root_driver_argument(workflow, name):
    [value] = [
        parameter["value"]
        for parameter in _tasks_of(workflow)[name]["arguments"]["parameters"]
        if parameter["name"] == "task"
    ]
    return value


@pytest.mark.parametrize(("retrain", "triggers"), [(1.0, "true"), (0.0, "false")])
def test_kfp_evaluates_our_conditions(conformance, spec, retrain, triggers):
    decision = {"metadata": {"retrain": retrain}}
    given = {"inputs": {"artifacts": {"_retrain-check.decision": {"artifacts": [decision]}}}}
    conditions = {
        task["triggerPolicy"]["condition"]
        for task in spec["root"]["dag"]["tasks"].values()
        if "triggerPolicy" in task
    }
    assert len(conditions) == 1
    done = conformance("condition", conditions.pop(), json.dumps(given))
    assert done.stdout.strip() == triggers, done.stderr


def _old_schema(spec):
    spec["schemaVersion"] = "2.0.0"


def _lost_component(spec):
    del spec["components"]["trainer"]


def _lost_executor(spec):
    del spec["deploymentSpec"]["executors"]["trainer_executor"]


def _resolver(spec):
    spec["deploymentSpec"]["executors"]["schema-gen_executor"] = {"resolver": {}}


def _no_default(spec):
    del spec["root"]["inputDefinitions"]["parameters"]["registry"]["defaultValue"]


def _unknown_field(spec):
    spec["root"]["dag"]["tasks"]["trainer"]["retries"] = 3


def _bad_name(spec):
    tasks, components = spec["root"]["dag"]["tasks"], spec["components"]
    tasks["re_port"] = tasks.pop("report")
    components["re_port"] = components.pop("report")
    tasks["re_port"]["componentRef"]["name"] = "re_port"


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_old_schema, "KFP only supports schema version 2.1.0"),
        (_lost_component, 'cannot find component ref name="trainer"'),
        (_lost_executor, 'label="trainer_executor"'),
        (_resolver, "non-container and non-importer executor not implemented"),
        (_no_default, "registry is not optional"),
        (_unknown_field, "unknown"),
        (_bad_name, "invalid dependency"),  # Argo names either half of re_port
    ],
)
def test_what_kfp_or_argo_refuses_is_found(conformance, spec, tmp_path: Path, harm, message):
    harm(spec)
    file = tmp_path / "pipeline.yaml"
    file.write_text(yaml.safe_dump(spec))
    done = conformance(str(file))
    assert done.returncode == 1
    assert message.lower() in done.stderr.lower()
