"""The verbs `schedule` and `status`, without a run."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from components.model_pusher.registry import Registry
from components.retrain_check.history import Event, History
from imagemill import schedule, status
from trainer.errors import ExitCode, UserError


@pytest.fixture
def config_file(tmp_path: Path) -> str:
    file = tmp_path / "c.yaml"
    file.write_text(
        "name: m\noutput: out\ndata: {root: photos}\nschedule: {cron: '0 3 * * *', timezone: UTC}\n"
    )
    return str(file)


def call(command, *words: str) -> str:
    result = CliRunner().invoke(command, list(words), catch_exceptions=False, standalone_mode=False)
    return result.output


def refusal(command, *words: str) -> UserError:
    with pytest.raises(UserError) as caught:
        call(command, *words)
    return caught.value


def history(tmp_path: Path) -> History:
    return History(str(tmp_path / "out" / "registry"), "m")


def push(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"m")
    Registry(str(tmp_path / "out" / "registry"), "m").push(str(model), {})


def test_history(tmp_path, config_file):
    history(tmp_path).append(Event(kind="check", retrain=False, reason="nothing changed"))
    history(tmp_path).append(Event(kind="run", outcome="failed", reason="out of memory"))
    lines = call(schedule.command, "history", config_file).splitlines()
    assert lines[0].split()[1:4] == ["hand", "check", "skip"]
    assert lines[1].endswith("failed        out of memory")
    newest = call(schedule.command, "history", config_file, "-n", "1", "--json")
    assert json.loads(newest)["outcome"] == "failed"


def test_status_pause_and_resume(config_file):
    assert json.loads(call(schedule.command, "status", config_file, "--json"))["scheduler"] == ""
    call(schedule.command, "pause", config_file)
    assert "paused         yes" in call(schedule.command, "status", config_file)
    call(schedule.command, "resume", config_file)
    assert "paused         no" in call(schedule.command, "status", config_file)


def test_run_now_needs_a_scheduler(config_file):
    assert "no scheduler serves 'm'" in str(refusal(schedule.command, "run-now", config_file))


def test_what_cannot_be_scheduled_is_said_at_once(config_file):
    assert "no cron" in str(refusal(schedule.command, config_file, "--cron", "often"))
    assert "no time zone" in str(refusal(schedule.command, config_file, "--timezone", "Mars"))


def test_install_prints_or_writes(tmp_path, config_file):
    printed = call(schedule.command, "install", config_file, "--every", "6h", "--crontab")
    assert "0 */6 * * * cd " in printed
    call(schedule.command, "install", config_file, "--systemd", "--output", str(tmp_path / "units"))
    assert sorted(path.name for path in (tmp_path / "units").iterdir()) == [
        "imagemill-m.service",
        "imagemill-m.timer",
    ]
    assert "--systemd" in refusal(schedule.command, "install", config_file).fix


def code(*words: str) -> int:
    return CliRunner().invoke(status.command, list(words), standalone_mode=False).return_value


def test_status_exit_codes(tmp_path, config_file):
    assert code(config_file) == ExitCode.UNHEALTHY
    push(tmp_path)
    assert code(config_file) == ExitCode.OK
    assert code(config_file, "--max-silence", "1d") == ExitCode.UNHEALTHY
    history(tmp_path).append(Event(kind="check", retrain=False))
    assert code(config_file, "--max-silence", "1d") == ExitCode.OK
    history(tmp_path).append(Event(kind="check", retrain=True))
    history(tmp_path).append(Event(kind="run", outcome="failed", reason="out of memory"))
    assert code(config_file) == ExitCode.UNHEALTHY
    assert "the last run failed: out of memory" in call(status.command, config_file)


def test_status_for_machines(tmp_path, config_file):
    push(tmp_path)
    history(tmp_path).append(Event(kind="check", retrain=False, reason="nothing changed"))
    facts = json.loads(call(status.command, config_file, "--format", "json"))
    assert (facts["version"], facts["last_decision"], facts["healthy"]) == (1, "skip", True)
    text = call(status.command, str(tmp_path / "out" / "registry" / "m"), "--format", "prometheus")
    samples = {
        sample.name.removeprefix("imagemill_"): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.type == "gauge" and family.documentation and sample.labels == {"model": "m"}
    }
    assert len(samples) == len([line for line in text.splitlines() if not line.startswith("#")])
    assert (samples["healthy"], samples["model_version"], samples["last_check_retrain"]) == (
        1,
        1,
        0,
    )
    age = datetime.datetime.now().timestamp() - samples["last_success_timestamp_seconds"]
    assert 0 <= age < 60
    assert 0 <= samples["model_age_seconds"] < 60
    assert "last_run_timestamp_seconds" not in samples, "there was none"


def test_status_of_nothing(tmp_path, config_file):
    assert "neither a config file nor" in str(refusal(status.command, str(tmp_path / "none")))
    assert "length of time" in str(refusal(status.command, config_file, "--max-age", "old"))
