"""What KFP's launcher hands over is put right before TFX sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubeflow.executor_input import local_path, make_folders, prepare, schema_title
from trainer.errors import UserError

EXAMPLES = {"artifactType": {"instanceSchema": "title: tfx.Examples\ntype: object\n"}}


def _prepare(artifact: dict, *, inputs_spec: dict | None = None, **inputs):
    given = {"inputs": {"artifacts": {"examples": {"artifacts": [artifact]}}, **inputs}}
    spec = {"artifacts": {"examples": EXAMPLES}} if inputs_spec is None else inputs_spec
    return prepare(json.dumps(given), spec, {})


@pytest.mark.parametrize(
    "given",
    [{}, {"type": {}}, {"type": {"schemaTitle": "system.Artifact"}}, {"type": {"schemaTitle": ""}}],
)
def test_untyped_inputs_take_their_type_from_the_document(given):
    [artifact] = _prepare({"uri": "minio://b/x", **given}).inputs["examples"]
    assert artifact.title == "tfx.Examples"


def test_a_type_from_the_backend_is_used_where_the_document_has_none():
    artifact = {"uri": "minio://b/x", "type": {"schemaTitle": "tfx.Model"}}
    assert _prepare(artifact, inputs_spec={}).inputs["examples"][0].title == "tfx.Model"


def test_an_artifact_without_any_type_is_generic():
    assert (
        _prepare({"uri": "minio://b/x"}, inputs_spec={}).inputs["examples"][0].title
        == "tfx.Artifact"
    )


def test_the_launchers_own_log_output_is_dropped():
    outputs = {
        name: {
            "artifacts": [{"uri": f"minio://b/{name}", "type": {"schemaTitle": "system.Artifact"}}]
        }
        for name in ("model", "executor-logs")
    }
    task = prepare(json.dumps({"outputs": {"artifacts": outputs}}), {}, {})
    assert list(task.outputs) == ["model"]


def test_inputs_of_a_condition_are_dropped():
    given = {"inputs": {"artifacts": {"_check.decision": {"artifacts": [{"uri": "s3://b/x"}]}}}}
    assert prepare(json.dumps(given), {}, {}).inputs == {}


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("minio://bucket/a/b", "/minio/bucket/a/b"),
        ("s3://bucket/a", "/s3/bucket/a"),
        ("gs://bucket/a", "/gcs/bucket/a"),
        ("/already/local", "/already/local"),
    ],
)
def test_remote_locations_become_the_launchers_local_paths(uri, path):
    assert local_path(uri) == path


def test_a_scheme_that_the_launcher_cannot_fetch_is_refused():
    with pytest.raises(UserError, match=r"file://x.*is none that KFP's launcher fetches"):
        local_path("file://x")


def test_a_custom_path_wins_over_the_location():
    [artifact] = _prepare({"uri": "minio://b/x", "customPath": "/elsewhere"}).inputs["examples"]
    assert artifact.path == "/elsewhere"


def test_integers_come_back_from_jsons_only_number():
    spec = {
        "parameters": {
            "force": {"parameterType": "NUMBER_INTEGER"},
            "name": {"parameterType": "STRING"},
        }
    }
    task = _prepare(
        {"uri": "s3://b/x"}, inputs_spec=spec, parameterValues={"force": 1.0, "name": "x"}
    )
    assert task.parameters == {"force": 1, "name": "x"}
    assert isinstance(task.parameters["force"], int)


def test_nulls_are_left_out_and_defaults_filled_in():
    spec = {"parameters": {"a": {"parameterType": "STRING", "defaultValue": "d"}}}
    task = _prepare({"uri": "s3://b/x"}, inputs_spec=spec, parameterValues={"b": None})
    assert task.parameters == {"a": "d"}


def test_what_is_no_json_is_named():
    with pytest.raises(UserError, match=r"not JSON.*'\{\{\$\}\}'"):
        prepare("{{$}}", {}, {})


def test_folders_are_made_for_outputs_and_for_inputs_that_were_empty(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("IMAGEMILL_KFP_LOCAL_ROOT", str(tmp_path))
    make_folders(_prepare({"uri": "minio://b/run/examples"}))
    assert (tmp_path / "minio/b/run/examples").is_dir()


@pytest.mark.parametrize(
    ("schema", "title"),
    [
        ({"instanceSchema": "title: tfx.Model\n"}, "tfx.Model"),
        ({"schemaTitle": "tfx.Model"}, "tfx.Model"),
        ({"schemaTitle": "system.Model"}, ""),
        ({"instanceSchema": ""}, ""),
        ({}, ""),
    ],
)
def test_titles(schema, title):
    assert schema_title(schema) == title
