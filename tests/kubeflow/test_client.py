"""The verbs against a server that speaks KFP's API (tests/kubeflow/kfp_server.py)."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from kubeflow.client import Cluster, connect
from kubeflow.submit import submit, typed_parameters
from pipeline.config import load_config
from tests.kubeflow import golden
from tests.kubeflow.kfp_server import kfp_server
from trainer.errors import ExitCode, UserError

# Small: the whole document takes a second to parse.
_SPEC = {
    "pipelineInfo": {"name": "scenes"},
    "root": {
        "inputDefinitions": {
            "parameters": {
                "epochs": {"parameterType": "NUMBER_INTEGER"},
                "force": {"parameterType": "NUMBER_INTEGER"},
                "registry": {"parameterType": "STRING"},
            }
        }
    },
}
_PLATFORM = {"platforms": {"kubernetes": {}}}
DOCUMENT = yaml.safe_dump_all([_SPEC, _PLATFORM])


@pytest.fixture
def server(monkeypatch):
    for name in ("KFP_TOKEN", "KFP_TOKEN_FILE", "KFP_COOKIES"):
        monkeypatch.delenv(name, raising=False)
    with kfp_server() as state:
        yield state


@pytest.fixture
def cluster(server) -> Cluster:
    found = connect(server.url, "kubeflow")
    found._poll_seconds = 0.01
    return found


@pytest.fixture
def config():
    return load_config(golden.CONFIG)


def test_a_run_is_tied_to_the_uploaded_version(server, cluster, config):
    run_id = submit(cluster, config, DOCUMENT, {"epochs": "3", "registry": "s3://models"})
    run = server.runs[run_id]
    assert run["pipeline_version_reference"] == {
        "pipeline_id": "pipeline-1",
        "pipeline_version_id": "version-1",
    }
    assert run["runtime_config"]["parameters"] == {"epochs": 3, "registry": "s3://models"}
    assert run["runtime_config"]["pipeline_root"] == "minio://mlpipeline/v2/artifacts"
    assert run["service_account"] == "imagemill-runner"
    assert run["experiment_id"] == server.experiments["scenes"]
    assert server.documents[-1] == [_SPEC, _PLATFORM]


def test_the_same_document_is_uploaded_once(server, cluster, config):
    for _ in range(2):
        submit(cluster, config, DOCUMENT, {})
    submit(cluster, config, DOCUMENT + "# changed\n", {})
    assert [version["pipeline_version_id"] for version in server.versions] == [
        "version-1",
        "version-2",
    ]
    assert len(server.pipelines) == 1
    versions = [
        run["pipeline_version_reference"]["pipeline_version_id"] for run in server.runs.values()
    ]
    assert versions == ["version-1", "version-1", "version-2"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epoch": "3"}, "has no parameter 'epoch'"),
        ({"epochs": "three"}, "must be a whole number, got 'three'"),
    ],
)
def test_parameters_are_checked_before_anything_is_sent(server, cluster, config, given, message):
    with pytest.raises(UserError, match=message):
        submit(cluster, config, DOCUMENT, given)
    assert server.documents == []


def test_text_stays_text():
    assert typed_parameters(DOCUMENT, {"registry": "7", "force": "1"}) == {
        "registry": "7",
        "force": 1,
    }


def test_waiting_tells_of_every_change_and_ends_with_the_run(server, cluster, config):
    run_id = submit(cluster, config, DOCUMENT, {})
    server.script = [
        ("PENDING", {}),
        ("RUNNING", {"retrain-check": "RUNNING", "retrain-check-driver": "SUCCEEDED"}),
        ("RUNNING", {"retrain-check": "SUCCEEDED", "trainer": "RUNNING"}),
        ("SUCCEEDED", {"retrain-check": "SUCCEEDED", "trainer": "SUCCEEDED"}),
    ]
    changes = []
    outcome = cluster.wait(run_id, 30, lambda step, state: changes.append((step, state)))
    assert outcome.exit_code == ExitCode.OK
    assert changes == [
        ("retrain-check", "RUNNING"),
        ("retrain-check", "SUCCEEDED"),
        ("trainer", "RUNNING"),
        ("trainer", "SUCCEEDED"),
    ]


@pytest.mark.parametrize(
    ("state", "steps", "code"),
    [
        ("FAILED", {"data-gate": "FAILED"}, ExitCode.DATA_REFUSED),
        ("FAILED", {"trainer": "FAILED"}, ExitCode.TRAINING_FAILED),
        ("FAILED", {"model-pusher": "FAILED"}, ExitCode.INTERNAL),
        ("FAILED", {}, ExitCode.INTERNAL),
        ("CANCELED", {"trainer": "RUNNING"}, ExitCode.INTERRUPTED),
    ],
)
def test_the_exit_code_says_what_failed(server, cluster, config, state, steps, code):
    run_id = submit(cluster, config, DOCUMENT, {})
    server.script = [(state, steps)]
    outcome = cluster.wait(run_id, 30, lambda step, state: None)
    assert outcome.exit_code == code
    assert outcome.error == ("a step failed" if state == "FAILED" else "")


def test_an_api_server_that_restarts_is_waited_for(server, cluster, config):
    run_id = submit(cluster, config, DOCUMENT, {})
    server.script, server.failures = [("SUCCEEDED", {})], 3
    assert cluster.wait(run_id, 30, lambda step, state: None).state == "SUCCEEDED"


def test_a_run_that_takes_too_long_goes_on(server, cluster, config):
    run_id = submit(cluster, config, DOCUMENT, {})
    server.script = [("RUNNING", {})]
    with pytest.raises(UserError, match=r"did not end within 0.05 seconds; it goes on"):
        cluster.wait(run_id, 0.05, lambda step, state: None)


def test_logs_of_a_step(server, cluster, config):
    run_id = submit(cluster, config, DOCUMENT, {})
    server.script = [("RUNNING", {"trainer": "RUNNING"})]
    assert list(cluster.logs(run_id, "trainer")) == [f"{run_id} pod-of-trainer line 1", "line 2"]
    with pytest.raises(UserError, match="no step 'trainr'"):
        list(cluster.logs(run_id, "trainr"))


def test_runs_newest_first(server, cluster, config):
    ids = [submit(cluster, config, DOCUMENT, {}) for _ in range(2)]
    assert [run.run_id for run in cluster.runs("scenes", 10)] == ids[::-1]


def test_a_run_that_does_not_exist(cluster):
    with pytest.raises(UserError, match=r"HTTP 404.*run nope not found"):
        cluster.outcome("nope")


def test_a_token_is_needed_and_taken_from_a_file(server, config, monkeypatch, tmp_path):
    server.token = "s3cret"
    with pytest.raises(UserError, match=r"refuses us \(HTTP 401\)"):
        connect(server.url, "kubeflow")
    (tmp_path / "token").write_text("s3cret\n")
    monkeypatch.setenv("KFP_TOKEN_FILE", str(tmp_path / "token"))
    assert submit(connect(server.url, "kubeflow"), config, DOCUMENT, {}) == "run-1"


def test_a_token_that_ran_out_on_the_way(server, cluster, config):
    run_id = submit(cluster, config, DOCUMENT, {})
    server.token = "another"
    for ask in (
        lambda: cluster.outcome(run_id),
        lambda: list(cluster.logs(run_id, "trainer")),
        lambda: cluster.runs("scenes", 5),
        lambda: submit(cluster, config, DOCUMENT, {}),
        lambda: cluster.wait(run_id, 30, lambda step, state: None),
    ):
        with pytest.raises(UserError, match=r"refuses us \(HTTP 401\)"):
            ask()


def test_a_namespace_that_does_not_exist_or_is_not_ours(server, cluster, config):
    server.refuse = {"POST /apis/v2beta1/experiments": 404}
    with pytest.raises(UserError, match=r"refuses the request \(HTTP 404\)") as caught:
        submit(cluster, config, DOCUMENT, {})
    assert caught.value.code == ExitCode.USAGE
    server.refuse = {"GET /apis/v2beta1/experiments": 403}
    with pytest.raises(UserError, match=r"refuses us \(HTTP 403\).*rights in docs/kubeflow.md"):
        cluster.runs("scenes", 5)


def test_a_server_that_is_down_while_uploading(server, cluster, config):
    server.refuse = {"POST /apis/v2beta1/pipelines/upload": 503}
    with pytest.raises(UserError, match=r"failed \(HTTP 503\)") as caught:
        submit(cluster, config, DOCUMENT, {})
    assert caught.value.code == ExitCode.INTERNAL
    assert server.runs == {}


def test_a_log_whose_pod_is_gone(server, cluster, config):
    run_id = submit(cluster, config, DOCUMENT, {})
    server.script = [("FAILED", {"trainer": "FAILED"})]
    server.refuse = {"/log": 500}
    with pytest.raises(UserError, match=f"no log of step 'trainer' of run {run_id}.*HTTP 500"):
        list(cluster.logs(run_id, "trainer"))


@pytest.fixture
def certificate(tmp_path):
    """Key and certificate of an authority that only this test knows."""
    file = tmp_path / "server.pem"
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    line += ["-subj", "/CN=kfp", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*line, "-keyout", file, "-out", tmp_path / "c"], check=True, capture_output=True
    )
    file.write_bytes(file.read_bytes() + (tmp_path / "c").read_bytes())
    return str(file)


def test_a_certificate_of_an_authority_of_ones_own(certificate, config, monkeypatch):
    with kfp_server(certificate) as served:
        with pytest.raises(
            UserError, match=r"certificate of the KFP API .* is not trusted"
        ) as caught:
            connect(served.url, "kubeflow")
        assert "SSL_CERT_FILE" in caught.value.fix
        monkeypatch.setenv("SSL_CERT_FILE", certificate)
        assert submit(connect(served.url, "kubeflow"), config, DOCUMENT, {}) == "run-1"


def test_nobody_there():
    with pytest.raises(
        UserError, match=r"does not answer \(ConnectionRefusedError: Connection ref"
    ):
        connect("http://127.0.0.1:9", "kubeflow")


def test_an_address_without_a_scheme():
    with pytest.raises(UserError, match="'localhost:8888' of the KFP API has no http"):
        connect("localhost:8888", "kubeflow")


def test_no_address(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UserError, match="no address of a KFP API"):
        connect("", "kubeflow")
