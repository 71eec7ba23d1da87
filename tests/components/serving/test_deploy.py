from __future__ import annotations

import subprocess

import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from components.model_pusher.registry import Registry
from components.serving.deploy import contents, write_files
from tests.components.model_pusher.fakes import make_model
from trainer.errors import UserError


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


def test_kserve_gets_the_same_config_and_a_probe_of_the_model(registry):
    documents = list(yaml.safe_load_all(contents(registry, 16)["inferenceservice.yaml"]))
    config_map, service = documents
    model = text_format.Parse(
        config_map["data"]["models.config"], model_server_config_pb2.ModelServerConfig()
    )
    assert list(model.model_config_list.config[0].model_version_policy.specific.versions) == [2]
    assert "value: 16" in config_map["data"]["batching.config"]
    assert (service["apiVersion"], service["kind"]) == (
        "serving.kserve.io/v1beta1",
        "InferenceService",
    )
    predictor = service["spec"]["predictor"]
    [container] = predictor["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/v1/models/scenes"
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in predictor["volumes"]} == {"config", "registry"}


def test_a_registry_without_a_version_in_service_is_refused(registry, tmp_path):
    with pytest.raises(UserError, match="not a registry"):
        write_files(str(tmp_path), tmp_path / "deploy")
