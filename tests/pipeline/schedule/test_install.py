"""Units for other schedulers, checked by those schedulers' own rules where they are at hand."""

from __future__ import annotations

import datetime
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from apscheduler.triggers.cron import CronTrigger

from pipeline.config import Config, make_config
from pipeline.schedule.clock import Clock
from pipeline.schedule.config import ScheduleConfig
from pipeline.schedule.cron import Cron
from pipeline.schedule.install import installation, on_calendar
from trainer.errors import UserError


def config(tmp_path: Path, **schedule: str) -> Config:
    values = {
        "name": "scenes",
        "data": {"root": "photos"},
        "schedule": {"timezone": "Europe/Berlin", **schedule},
        "kubeflow": {
            "image": "example.org/imagemill:1",
            "data_root": "/mnt/photos",
            "registry": "/mnt/registry",
            "defaults": {"volumes": [{"claim": "photos", "path": "/mnt/photos"}]},
        },
    }
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump(values))
    return make_config(values, source="a test")


@pytest.mark.parametrize(
    ("cron", "lines"),
    [
        ("0 3 * * *", ["*-*-* 03:00:00"]),
        ("*/30 9-10 * * 1-2", ["Mon,Tue *-*-* 09,10:00,30:00"]),
        ("0 0 1 1,7 *", ["*-01,07-01 00:00:00"]),
        ("15 4 1 * 0", ["*-*-01 04:15:00", "Sun *-*-* 04:15:00"]),
    ],
)
def test_on_calendar(cron, lines):
    assert on_calendar(Cron.parse(cron)) == lines


def test_systemd_units(tmp_path):
    files = {
        f.name: f
        for f in installation("systemd", config(tmp_path, cron="0 3 * * *"), "/s c/100%.yaml")
    }
    assert list(files) == ["imagemill-scenes.service", "imagemill-scenes.timer"]
    service = files["imagemill-scenes.service"].text
    assert 'run --config "/s c/100%%.yaml" --scheduled' in service
    assert "TimeoutStopSec=90" in service
    timer = files["imagemill-scenes.timer"].text
    assert "OnCalendar=*-*-* 03:00:00 Europe/Berlin" in timer
    assert "Persistent=true" in timer
    assert "enable --now imagemill-scenes.timer" in files["imagemill-scenes.timer"].next_step


@pytest.fixture
def systemd() -> str:
    path = shutil.which("systemd-analyze")
    return path or pytest.skip("systemd-analyze is not installed here")


@pytest.mark.parametrize("schedule", [{"cron": "0 3 * * 7"}, {"every": "90m"}, {"watch": "/a b"}])
def test_systemd_finds_nothing_wrong(tmp_path, monkeypatch, systemd, schedule):
    place = tmp_path / "a b%c$d"
    place.mkdir()
    monkeypatch.chdir(place)
    files = installation("systemd", config(tmp_path, **schedule), str(place / 'c "1".yaml'))
    for file in files:
        (tmp_path / file.name).write_text(file.text)
    command = [systemd, "verify", *(str(tmp_path / file.name) for file in files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "cron", ["0 3 * * *", "*/30 9-10 * * 1-2", "0 0 1 1,7 *", "15 4 1 * 0", "30 2 * * *"]
)
def test_systemd_reads_the_times_as_we_do(systemd, cron):
    """Over the spring change as well, but for a time that it leaves out: systemd lets that day be."""
    start = datetime.datetime(2026, 3, 27, 12, tzinfo=datetime.timezone.utc)
    theirs: set[str] = set()
    for line in on_calendar(Cron.parse(cron)):
        command = [systemd, "calendar", "--iterations=6", "--base-time=2026-03-27 12:00:00 UTC"]
        done = subprocess.run(
            [*command, f"{line} Europe/Berlin"],
            env={"TZ": "UTC", "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=True,
        )
        theirs |= set(
            re.findall(r"(?:Next elapse|Iter(?:\.|ation) #\d+): \w+ (.*) UTC", done.stdout)
        )
    clock = Clock.of(ScheduleConfig(cron=cron, timezone="Europe/Berlin"))
    ours = [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in _in_utc(clock.upcoming(start, 6))]
    left_out = {"2026-03-29 01:30:00"} if cron == "30 2 * * *" else set()
    assert [time for time in ours if time not in left_out][:5] == sorted(theirs)[:5]


def _in_utc(moments: list[datetime.datetime]) -> list[datetime.datetime]:
    return [moment.astimezone(datetime.timezone.utc) for moment in moments]


def test_a_watched_path_becomes_a_service_of_our_scheduler(tmp_path):
    (file,) = installation("systemd", config(tmp_path, watch="/data/in", every="6h"), "/c.yaml")
    assert file.name == "imagemill-scenes.service"
    assert "imagemill schedule /c.yaml --watch /data/in --every 6h --timezone" in file.text
    assert "TimeoutStopSec=120" in file.text
    assert "WantedBy=multi-user.target" in file.text


@pytest.mark.parametrize(
    ("schedule", "line"),
    [
        ({"cron": "0 3 * * 7"}, "0 3 * * 7"),
        ({"every": "15m"}, "*/15 * * * *"),
        ({"every": "1h"}, "0 * * * *"),
        ({"every": "6h"}, "0 */6 * * *"),
        ({"every": "1d"}, "0 0 * * *"),
    ],
)
def test_crontab(tmp_path, schedule, line):
    (file,) = installation("crontab", config(tmp_path, **schedule), "/s c/100%.yaml")
    zone, command = file.text.splitlines()[1:]
    assert zone == ("CRON_TZ=Europe/Berlin" if "cron" in schedule else "CRON_TZ=UTC")
    assert command.startswith(f"{line} cd ")
    fields = command.split(" cd ")[0]
    # It knows no 7 for Sunday; crontab(5) does.
    assert CronTrigger.from_crontab(fields.replace("7", "0")), "another library reads it"
    assert r"'/s c/100\%.yaml' --scheduled" in command


def test_crontab_cannot_keep_every_interval(tmp_path):
    for every in ("7h", "45s", "90m"):
        with pytest.raises(UserError, match="no whole part"):
            installation("crontab", config(tmp_path, every=every), "/c.yaml")


def test_kubernetes_cron_job_is_valid_by_the_clients_models(tmp_path):
    from kubernetes import client

    file = installation("kubernetes", config(tmp_path, cron="0 3 * * 7"), str(tmp_path / "c.yaml"))[
        0
    ]
    config_map, cron_job = yaml.safe_load_all(file.text)
    answer = type("Answer", (), {"data": json.dumps(cron_job)})
    job = client.ApiClient().deserialize(answer, "V1CronJob")
    # Nothing was passed over: what the models know is the whole of it.
    assert client.ApiClient().sanitize_for_serialization(job) == cron_job
    assert (job.spec.schedule, job.spec.time_zone) == ("0 3 * * 0", "Europe/Berlin")
    assert job.spec.concurrency_policy == "Forbid"
    pod = job.spec.job_template.spec.template.spec
    assert job.spec.job_template.spec.backoff_limit == 0
    assert pod.restart_policy == "Never"
    (container,) = pod.containers
    assert container.image == "example.org/imagemill:1"
    assert "--scheduled" in container.args
    assert "data.root=/mnt/photos" in container.args
    assert [mount.mount_path for mount in container.volume_mounts] == [
        "/etc/imagemill",
        "/mnt/photos",
    ]
    assert yaml.safe_load(config_map["data"]["config.yaml"])["name"] == "scenes"
    answer = type("Answer", (), {"data": json.dumps(config_map)})
    known = client.ApiClient().deserialize(answer, "V1ConfigMap")
    assert client.ApiClient().sanitize_for_serialization(known) == config_map


def test_what_is_missing_is_said(tmp_path):
    bare = make_config({"name": "m", "data": {"root": "p"}}, source="a test")
    with pytest.raises(UserError, match="nothing says when"):
        installation("systemd", bare, "/c.yaml")
    with pytest.raises(UserError, match="nothing says when"):
        installation("kubernetes", bare, __file__)
