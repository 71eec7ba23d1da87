"""The files for TF Serving and KServe against what reads them: protos, flags, Kubernetes' own types.

The servers themselves cannot be had here. The InferenceService was checked by hand against KServe 0.20's CRD, unknown
fields forbidden, and the flags against TF Serving's `main.cc`.
"""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml
from google.protobuf import text_format
from kubernetes import client as kubernetes
from tensorflow_serving.config import model_server_config_pb2

from components.model_pusher.registry import Registry
from components.serving.deploy import IMAGE, contents, write_files
from tests.components.model_pusher.fakes import make_model
from trainer.errors import UserError

# tensorflow_serving/model_servers/main.cc
FLAGS = {
    "port",
    "rest_api_port",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "enable_batching",
    "batching_parameters_file",
    "monitoring_config_file",
}
# KServe's PredictorSpec is a PodSpec with fields of its own; here are those that we use.
PREDICTOR_FIELDS = {"minReplicas"}


def batching_parameters(text: str) -> dict[str, int]:
    """Fields of `BatchingParameters`, all Int64Values; no package brings session_bundle_config.proto."""
    known = {"max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads"}
    fields = [re.fullmatch(r"(\w+) \{ value: (\d+) \}", line) for line in text.splitlines()]
    assert all(match and match[1] in known for match in fields), text
    return {match[1]: int(match[2]) for match in fields if match}


def assert_typed(value: Any, kind: str, where: str) -> None:
    """Fails where a value is not of a type of Kubernetes' API, at any depth; unknown fields count."""
    if match := re.fullmatch(r"list\[(.+)\]", kind):
        assert isinstance(value, list), where
        for index, item in enumerate(value):
            assert_typed(item, match[1], f"{where}[{index}]")
    elif match := re.fullmatch(r"dict\(str, (.+)\)", kind):
        for key, item in value.items():
            assert_typed(item, match[1], f"{where}.{key}")
    elif model := getattr(kubernetes, kind, None):
        kinds = {model.attribute_map[name]: given for name, given in model.openapi_types.items()}
        assert set(value) <= set(kinds), f"{where}: unknown {sorted(set(value) - set(kinds))}"
        for key, item in value.items():
            assert_typed(item, kinds[key], f"{where}.{key}")
    elif kind != "object":
        assert isinstance(value, {"str": str, "int": int, "bool": bool}[kind]), (
            f"{where}: {value!r}"
        )


def flags(arguments: list[str]) -> set[str]:
    return {one.removeprefix("--").partition("=")[0] for one in arguments if one.startswith("--")}


@pytest.fixture
def registry(tmp_path):
    registry = Registry(str(tmp_path / "my registry"), "scenes")
    for name in "ab":
        registry.push(make_model(tmp_path / name, name), {})
    return registry


def test_tf_serving_is_told_the_version_in_service_not_the_highest(registry, tmp_path):
    registry.rollback()
    write_files(registry.path, tmp_path / "deploy")
    text = (tmp_path / "deploy" / "models.config").read_text()
    [model] = text_format.Parse(
        text, model_server_config_pb2.ModelServerConfig()
    ).model_config_list.config
    assert (model.name, model.base_path) == ("scenes", "/models/scenes")
    assert list(model.model_version_policy.specific.versions) == [1]


def test_the_docker_command_is_valid_shell_and_mounts_the_registry(registry, tmp_path):
    write_files(registry.path, tmp_path / "deploy")
    script = tmp_path / "deploy" / "tf-serving.sh"
    stub = tmp_path / "docker"
    stub.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    stub.chmod(0o755)
    said = subprocess.run(
        [script],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    ).stdout.splitlines()
    assert f"{registry.root}:/models:ro" in said
    assert f"{tmp_path}/deploy:/config:ro" in said
    assert "--model_config_file=/config/models.config" in said
    assert flags(said[said.index(IMAGE) + 1 :]) <= FLAGS
    assert said[:2] == ["run", "--rm"]
    named = {one.rpartition("/config/")[2] for one in said if "=/config/" in one}
    assert named <= {path.name for path in (tmp_path / "deploy").iterdir()}


def test_kserve_gets_the_same_config_and_a_probe_of_the_model(registry):
    documents = list(yaml.safe_load_all(contents(registry, 16)["inferenceservice.yaml"]))
    config_map, service = documents
    model = text_format.Parse(
        config_map["data"]["models.config"], model_server_config_pb2.ModelServerConfig()
    )
    assert list(model.model_config_list.config[0].model_version_policy.specific.versions) == [2]
    assert batching_parameters(config_map["data"]["batching.config"])["max_batch_size"] == 16
    assert (service["apiVersion"], service["kind"]) == (
        "serving.kserve.io/v1beta1",
        "InferenceService",
    )
    assert_typed(config_map, "V1ConfigMap", "config map")
    predictor = service["spec"]["predictor"]
    pod = {key: value for key, value in predictor.items() if key not in PREDICTOR_FIELDS}
    assert_typed(pod, "V1PodSpec", "predictor")
    [container] = predictor["containers"]
    assert flags(container["args"]) <= FLAGS
    assert container["readinessProbe"]["httpGet"]["path"] == "/v1/models/scenes"
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in predictor["volumes"]} == {"config", "registry"}


def test_a_registry_without_a_version_in_service_is_refused(registry, tmp_path):
    with pytest.raises(UserError, match="not a registry"):
        write_files(str(tmp_path), tmp_path / "deploy")


def test_a_misspelt_field_would_be_seen():
    with pytest.raises(AssertionError, match=r"containers\[0\]: unknown \['arg'\]"):
        assert_typed({"containers": [{"name": "x", "arg": []}]}, "V1PodSpec", "pod")
    ports = [{"containerPort": "8080"}]
    with pytest.raises(AssertionError, match="containerPort"):
        assert_typed({"containers": [{"name": "x", "ports": ports}]}, "V1PodSpec", "pod")
