"""`imagemill doctor`: what it finds, what it advises, and that nothing makes it crash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagemill import health
from imagemill.cli import run_command


def test_this_machine_can_run(capsys):
    assert run_command(["doctor"]) == 0
    told = capsys.readouterr().out
    for name in ("interpreter", "packages", "compiler", "memory", "disk", "weights"):
        assert name in told


def test_json_for_scripts(capsys):
    run_command(["doctor", "--json"])
    checks = json.loads(capsys.readouterr().out)
    assert {"name", "state", "found", "fix"} == set(checks[0])
    assert all(check["fix"] for check in checks if check["state"] != "ok")


def test_a_missing_package_fails_with_advice(monkeypatch, capsys):
    monkeypatch.setattr(health, "_NEEDED", ("click", "no-such-package"))
    assert run_command(["doctor", "--quiet"]) == 1
    told = capsys.readouterr().out
    assert "missing: no-such-package" in told
    assert "make venv" in told
    assert "interpreter" not in told


@pytest.mark.parametrize(("gigabytes", "state"), [(1.0, "fail"), (4.0, "warn"), (16.0, "ok")])
def test_memory_is_judged_by_what_is_available(monkeypatch, gigabytes, state):
    monkeypatch.setattr(health, "_available_memory", lambda: gigabytes * 1e9)
    assert health.memory().state == state


def test_a_folder_that_is_not_there_yet_is_judged_by_its_parent(tmp_path):
    check = health.disk(str(tmp_path / "new" / "deeper"))
    assert str(tmp_path) in check.found
    assert check.state != "fail"


def test_a_check_that_breaks_is_a_finding_not_a_crash(monkeypatch):
    def broken():
        raise OSError("no such device")

    monkeypatch.setattr(health, "gpu", broken)
    [check] = [one for one in health.examine() if one.name == "gpu"]
    assert check.state == "fail"
    assert "no such device" in check.found


def test_a_new_registry_is_fine(tmp_path: Path):
    checks = health.examine(registry=str(tmp_path / "registry"))
    assert checks[-1].state == "ok"
    assert "empty" in checks[-1].found
