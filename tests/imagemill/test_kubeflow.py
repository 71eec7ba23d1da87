"""`imagemill kubeflow` as a person calls it; TFX is replaced where its document is not the point."""

from __future__ import annotations

import yaml

import kubeflow.compile
from imagemill.cli import run_command
from kubeflow.compile import Compiled
from kubeflow.lint import Problem
from tests.kubeflow import golden
from tests.kubeflow.kfp_server import kfp_server
from trainer.errors import ExitCode

SPEC = {
    "pipelineInfo": {"name": "scenes"},
    "root": {"inputDefinitions": {"parameters": {"epochs": {"parameterType": "NUMBER_INTEGER"}}}},
}
CONFIG = f"--config={golden.CONFIG}"


def _stub(monkeypatch, *warnings: Problem) -> None:
    made = Compiled(SPEC, {"platforms": {"kubernetes": {}}}, warnings)
    monkeypatch.setattr(kubeflow.compile, "compile_pipeline", lambda config: made)


def test_compile_writes_both_documents_and_says_what_to_mind(monkeypatch, tmp_path, capsys):
    _stub(monkeypatch, Problem("kubeflow.image", "is not pinned", fatal=False))
    target = tmp_path / "new" / "p.yaml"
    assert run_command(["kubeflow", "compile", CONFIG, "-o", str(target)]) == 0
    assert next(iter(yaml.safe_load_all(target.read_text()))) == SPEC
    output = capsys.readouterr()
    assert f"Wrote {target}" in output.out
    assert "warning: kubeflow.image: is not pinned" in output.err
    assert [path.name for path in target.parent.iterdir()] == ["p.yaml"]


def test_compile_to_a_place_that_cannot_be_written(monkeypatch, capsys):
    _stub(monkeypatch)
    assert run_command(["kubeflow", "compile", CONFIG, "-o", "/proc/nope/p.yaml"]) == ExitCode.USAGE
    assert "cannot write '/proc/nope/p.yaml'" in capsys.readouterr().err


def test_submit_status_logs_and_list(monkeypatch, capsys):
    _stub(monkeypatch)
    with kfp_server() as server:
        host = f"--host={server.url}"
        server.script = [("FAILED", {"data-gate": "FAILED"})]
        code = run_command(["kubeflow", "submit", CONFIG, host, "-p", "epochs=2", "--wait"])
        assert code == ExitCode.DATA_REFUSED
        assert server.runs["run-1"]["runtime_config"]["parameters"] == {"epochs": 2}
        assert run_command(["kubeflow", "status", "run-1", CONFIG, host]) == ExitCode.DATA_REFUSED
        assert run_command(["kubeflow", "logs", "run-1", "data-gate", CONFIG, host]) == 0
        assert run_command(["kubeflow", "list", CONFIG, host]) == 0
    output = capsys.readouterr().out
    assert f"Run run-1 of scenes started: {server.url}/#/runs/details/run-1" in output
    assert "data-gate            FAILED" in output
    assert "run                  FAILED: a step failed" in output
    assert "run-1 pod-of-data-gate line 1" in output


def test_a_parameter_without_a_value(monkeypatch, capsys):
    _stub(monkeypatch)
    with kfp_server() as server:
        code = run_command(["kubeflow", "submit", CONFIG, f"--host={server.url}", "-p", "epochs"])
    assert code == ExitCode.USAGE
    assert "a parameter is NAME=VALUE, got 'epochs'" in capsys.readouterr().err


def test_nobody_at_the_address(monkeypatch, capsys):
    assert (
        run_command(["kubeflow", "list", CONFIG, "--host=http://127.0.0.1:9"]) == ExitCode.INTERNAL
    )
    assert "does not answer" in capsys.readouterr().err
