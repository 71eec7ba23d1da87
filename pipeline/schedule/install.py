"""Units for people who have a scheduler already: systemd, cron or Kubernetes starts `imagemill run --scheduled`.

    for file in installation("systemd", config, "/srv/scenes.yaml"):
        print(file.name, file.text)

All three keep what `imagemill schedule` promises: the time zone stated, no two runs at once, missed times made up for
by one run where the scheduler can (systemd, Kubernetes; cron forgets).
"""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import Any

import yaml

from components.durations import to_timedelta
from pipeline.config import Config
from pipeline.schedule.clock import find_zone
from pipeline.schedule.cron import Cron, Field
from trainer.errors import UserError

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_CONFIG_DIR = "/etc/imagemill"
_STARTING_DEADLINE = 3600
_STOPPING = 30


@dataclasses.dataclass(frozen=True)
class UnitFile:
    """A file to put somewhere, and what to do once all of them are there."""

    name: str
    text: str
    next_step: str


def installation(
    target: str, config: Config, config_file: str, image: str = "", namespace: str = ""
) -> list[UnitFile]:
    """The files for `systemd`, `crontab` or `kubernetes`.

    Args:
      target: one of the three.
      config: all settings; `config.schedule` says when.
      config_file: absolute path of the file that it was read from.
      image: image of the CronJob; "" takes `kubeflow.image`.
      namespace: its namespace; "" takes `kubeflow.namespace`.

    Raises:
      UserError: the schedule is none that this scheduler can keep.
    """
    if target == "systemd":
        return _systemd(config, config_file)
    if target == "crontab":
        return [_crontab(config, config_file)]
    return [_kubernetes(config, config_file, image, namespace)]


def _run(config_file: str) -> list[str]:
    return [sys.executable, "-m", "imagemill", "run", "--config", config_file, "--scheduled"]


def _systemd(config: Config, config_file: str) -> list[UnitFile]:
    unit = f"imagemill-{config.name}"
    enable = f"systemctl daemon-reload && systemctl enable --now {unit}"
    schedule = config.schedule
    if schedule.watch:
        # A path unit does not look into sub-folders, and photos lie in one folder a class.
        return [UnitFile(f"{unit}.service", _scheduler_unit(config, config_file), enable)]
    if not (schedule.cron or schedule.every):
        raise _no_schedule()
    service = _service(config, [*_run(config_file), "--quiet"], ["Type=oneshot"], 0)
    timer = (
        f"[Unit]\nDescription=Start imagemill runs of {config.name}\n\n[Timer]\n"
        + "\n".join(_timer_lines(config))
        + "\n\n[Install]\nWantedBy=timers.target\n"
    )
    return [
        UnitFile(f"{unit}.service", service, ""),
        UnitFile(f"{unit}.timer", timer, f"{enable}.timer"),
    ]


def _scheduler_unit(config: Config, config_file: str) -> str:
    """Our own scheduler as a service."""
    schedule = config.schedule
    command = [sys.executable, "-m", "imagemill", "schedule", config_file]
    for flag in ("watch", "cron", "every", "timezone"):
        if value := getattr(schedule, flag):
            command += [f"--{flag}", value]
    lines = ["Type=exec", "Restart=on-failure", "RestartSec=30s"]
    service = _service(config, command, lines, _STOPPING)
    return service + "\n[Install]\nWantedBy=multi-user.target\n"


def _service(config: Config, command: list[str], lines: list[str], longer: int) -> str:
    stop = int(to_timedelta(config.schedule.stop_timeout).total_seconds()) + longer
    body = "\n".join(lines)
    return f"""\
[Unit]
Description=imagemill run of {config.name}
Wants=network-online.target
After=network-online.target

[Service]
{body}
WorkingDirectory={str(Path.cwd()).replace("%", "%%")}
# Secrets of `notify:` and `metadata:`, such as IMAGEMILL_SMTP_PASSWORD=...
EnvironmentFile=-{_CONFIG_DIR}/{config.name}.env
ExecStart={" ".join(map(_systemd_quoted, command))}
# SIGTERM lets a training write its checkpoint, from which the next run goes on.
KillMode=mixed
TimeoutStopSec={stop}
"""


def _timer_lines(config: Config) -> list[str]:
    schedule = config.schedule
    if schedule.every:
        seconds = int(to_timedelta(schedule.every).total_seconds())
        return ["OnBootSec=5min", f"OnUnitActiveSec={seconds}s", "AccuracySec=1s"]
    _, zone = find_zone(schedule.timezone)
    lines = [f"OnCalendar={line} {zone}" for line in on_calendar(Cron.parse(schedule.cron))]
    # A time that was slept through is made up for at the next boot, by one run.
    return [*lines, "Persistent=true", "AccuracySec=1s"]


def on_calendar(cron: Cron) -> list[str]:
    """systemd's way to write the same times; two lines where either day field suffices."""
    time = f"{_some(cron.hour)}:{_some(cron.minute)}:00"
    month = _some(cron.month)
    week = "" if cron.weekday.full else ",".join(_WEEKDAYS[v] for v in cron.weekday.values) + " "
    if cron.day.starred or cron.weekday.starred:
        return [f"{week}*-{month}-{_some(cron.day)} {time}"]
    return [f"*-{month}-{_some(cron.day)} {time}", f"{week}*-{month}-* {time}"]


def _some(field: Field) -> str:
    return "*" if field.full else ",".join(f"{value:02d}" for value in field.values)


def _systemd_quoted(word: str) -> str:
    escaped = word.replace("%", "%%").replace("$", "$$").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if escaped != word or " " in word else word


def _crontab(config: Config, config_file: str) -> UnitFile:
    schedule = config.schedule
    fields = Cron.parse(schedule.cron).text if schedule.cron else _every_as_cron(schedule.every)
    _, zone = find_zone(schedule.timezone if schedule.cron else "UTC")
    run = shlex.join([*_run(config_file), "--quiet"])
    command = f"cd {shlex.quote(str(Path.cwd()))} && {run}".replace("%", r"\%")
    text = (
        f"# imagemill run of {config.name}. A second run at once is refused, a missed one is not made up for.\n"
        f"CRON_TZ={zone}\n{fields} {command}\n"
    )
    return UnitFile(f"imagemill-{config.name}.crontab", text, "add it with `crontab -e`")


def _every_as_cron(every: str) -> str:
    if not every:
        raise _no_schedule()
    seconds = int(to_timedelta(every).total_seconds())
    minutes = seconds // 60
    if seconds % 60 == 0 and minutes and 60 % minutes == 0:
        return f"*/{minutes} * * * *" if minutes < 60 else "0 * * * *"
    hours = minutes // 60
    if seconds % 3600 == 0 and 24 % hours == 0:
        return f"0 */{hours} * * *" if hours < 24 else "0 0 * * *"
    raise UserError(
        f"cron cannot start something every {every}: it is no whole part of an hour or a day",
        fix="use --systemd, or a length such as 15m, 6h or 1d",
    )


def _kubernetes(config: Config, config_file: str, image: str, namespace: str) -> UnitFile:
    cluster = config.kubeflow
    namespace = namespace or cluster.namespace
    name = f"imagemill-{config.name}"[:52].rstrip("-")
    meta = {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/name": "imagemill"}}
    source = Path(config_file).read_text(encoding="utf-8")
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta,
        "data": {"config.yaml": source},
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": meta,
        "spec": _cron_job(config, name, image or cluster.image),
    }
    text = yaml.safe_dump_all([config_map, job], sort_keys=False)
    file = f"{name}.yaml"
    return UnitFile(file, text, f"kubectl apply -f {file}")


def _cron_job(config: Config, name: str, image: str) -> dict[str, Any]:
    schedule = config.schedule
    fields = schedule.cron or _every_as_cron(schedule.every)
    cron = Cron.parse(fields)
    text = " ".join(cron.six_fields().split()[1:])
    _, zone = find_zone(schedule.timezone if schedule.cron else "UTC")
    return {
        "schedule": text,
        "timeZone": zone,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": _STARTING_DEADLINE,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {
            "spec": {
                # What failed is tried again by the next check, which knows why.
                "backoffLimit": 0,
                "template": {"spec": _pod(config, name, image)},
            }
        },
    }


def _pod(config: Config, name: str, image: str) -> dict[str, Any]:
    cluster = config.kubeflow
    places = {"data.root": cluster.data_root, "registry": cluster.registry}
    settings = [f"{key}={value}" for key, value in places.items() if value]
    args = ["run", "--config", f"{_CONFIG_DIR}/config.yaml", "--scheduled", "--quiet"]
    args += [word for setting in settings for word in ("--set", setting)]
    volumes = cluster.defaults.volumes or ()
    mounts = [{"name": "config", "mountPath": _CONFIG_DIR}]
    claims: list[dict[str, Any]] = [{"name": "config", "configMap": {"name": name}}]
    for number, volume in enumerate(volumes):
        mount = {"name": f"claim-{number}", "mountPath": volume.path}
        mounts.append(mount | ({"subPath": volume.sub_path} if volume.sub_path else {}))
        claim = {"claimName": volume.claim}
        claims.append({"name": f"claim-{number}", "persistentVolumeClaim": claim})
    grace = int(to_timedelta(config.schedule.stop_timeout).total_seconds())
    container = {
        "name": "run",
        "image": image,
        "command": ["python", "-m", "imagemill"],
        "args": args,
        # Secrets of `notify:` and `metadata:`; the Secret may be missing.
        "envFrom": [{"secretRef": {"name": name, "optional": True}}],
        "volumeMounts": mounts,
    }
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": grace,
        "containers": [container],
        "volumes": claims,
    }


def _no_schedule() -> UserError:
    return UserError(
        "nothing says when to run",
        fix='add --cron "0 3 * * *" or --every 6h, or a section `schedule:` to the config',
    )
