"""Recurring runs on Kubeflow: the schedule of a config as one recurring run, however often it is applied.

    applied = apply(cluster, config, document, {})
    applied.action                    # created, updated or unchanged
    switch(cluster, config, enabled=False); delete(cluster, config); listed(cluster, config)

KFP has no call that changes a recurring run. So a changed one is made anew, switched off; then the old one is deleted
and the new one switched on: killed in between, two never fire, and applying again finishes the job. What a recurring
run was made from stands in its description as a digest, which is how "unchanged" is told.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from components.durations import to_timedelta
from kubeflow.client import Cluster
from kubeflow.submit import typed_parameters, upload
from pipeline.config import Config
from pipeline.schedule.clock import Clock
from pipeline.schedule.cron import Cron
from trainer.errors import UserError

CONTROLLER_ZONE = "UTC"
_PAGE = 100
_SHOWN = 3
_DIGEST = re.compile(r"imagemill:([0-9a-f]{16})")


@dataclasses.dataclass(frozen=True)
class Recurring:
    """A recurring run on the cluster.

    Attributes:
      id: KFP's id.
      name: its display name.
      trigger: the six cron fields, or `every N s`.
      enabled: whether it fires.
      version_id: the pipeline version that it runs.
      digest: what it was made from; "" where it is not ours.
    """

    id: str
    name: str
    trigger: str
    enabled: bool
    version_id: str
    digest: str


@dataclasses.dataclass(frozen=True)
class Applied:
    """What `apply` did.

    Attributes:
      recurring: the recurring run as it is now.
      action: created, updated or unchanged.
      upcoming: when it fires next, in the controller's zone; () for an interval.
    """

    recurring: Recurring
    action: str
    upcoming: tuple[datetime.datetime, ...]


def apply(
    cluster: Cluster,
    config: Config,
    document: str,
    given: Mapping[str, str],
    *,
    controller_zone: str = CONTROLLER_ZONE,
    now: datetime.datetime | None = None,
) -> Applied:
    """Makes the cluster's recurring run what the config says; safe to repeat.

    Args:
      cluster: where.
      config: names, places and `schedule:`.
      document: the compiled YAML; it becomes a pipeline version, which the recurring run is pinned to.
      given: run parameters as text.
      controller_zone: time zone that the cluster reads cron in.
      now: for tests.

    Raises:
      UserError: a schedule that KFP cannot keep, a wrong parameter, or KFP refuses.
    """
    clock, trigger = _trigger(config, controller_zone)
    parameters = typed_parameters(document, given)
    pipeline_id, version_id = upload(cluster, config, document)
    spec = {
        **trigger,
        "pipeline_id": pipeline_id,
        "version_id": version_id,
        "params": parameters,
        "pipeline_root": config.kubeflow.pipeline_root or None,
        "service_account": config.kubeflow.service_account or None,
        "max_concurrency": 1,
        "no_catchup": True,
    }
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
    current, action = _settle(cluster, config, spec, digest)
    moment = now or datetime.datetime.now(datetime.timezone.utc)
    upcoming = clock.upcoming(moment, _SHOWN) if "cron_expression" in spec else []
    return Applied(current, action, tuple(upcoming))


def _settle(
    cluster: Cluster, config: Config, spec: dict[str, Any], digest: str
) -> tuple[Recurring, str]:
    """Leaves exactly one recurring run: the one of this digest."""
    found = listed(cluster, config)
    same = [recurring for recurring in found if recurring.digest == digest]
    keep = same[0] if same else _create(cluster, config, spec, digest)
    surplus = [recurring for recurring in found if recurring.id != keep.id]
    with cluster.calling() as client:
        for recurring in surplus:
            client.delete_recurring_run(recurring.id)
        if not keep.enabled:
            client.enable_recurring_run(keep.id)
    unchanged = bool(same) and keep.enabled and not surplus
    action = "unchanged" if unchanged else "updated" if found else "created"
    return dataclasses.replace(keep, enabled=True), action


def _create(cluster: Cluster, config: Config, spec: dict[str, Any], digest: str) -> Recurring:
    with cluster.calling() as client:
        made = client.create_recurring_run(
            _experiment(cluster, client, config),
            recurring_name(config),
            description=f"imagemill schedule of {config.name} (imagemill:{digest})",
            enabled=False,
            **spec,
        )
    return _recurring(made)


def listed(cluster: Cluster, config: Config) -> list[Recurring]:
    """This config's recurring runs; more than one only after a broken `apply`."""
    found: list[Recurring] = []
    token = ""
    with cluster.calling() as client:
        experiment = _experiment(cluster, client, config)
        while True:
            page = client.list_recurring_runs(
                page_token=token, page_size=_PAGE, experiment_id=experiment
            )
            found += [_recurring(item) for item in page.recurring_runs or ()]
            token = page.next_page_token or ""
            if not token:
                break
    return [recurring for recurring in found if recurring.name == recurring_name(config)]


def switch(cluster: Cluster, config: Config, *, enabled: bool) -> list[Recurring]:
    """Switches the recurring run on or off.

    Raises:
      UserError: there is none.
    """
    found = _some(cluster, config)
    with cluster.calling() as client:
        for recurring in found:
            change = client.enable_recurring_run if enabled else client.disable_recurring_run
            change(recurring.id)
    return [dataclasses.replace(recurring, enabled=enabled) for recurring in found]


def delete(cluster: Cluster, config: Config) -> list[Recurring]:
    """Deletes the recurring run; runs that it started go on. Raises: UserError: there is none."""
    found = _some(cluster, config)
    with cluster.calling() as client:
        for recurring in found:
            client.delete_recurring_run(recurring.id)
    return found


def recurring_name(config: Config) -> str:
    """The display name of a config's recurring run."""
    return f"{config.name}-schedule"


def _some(cluster: Cluster, config: Config) -> list[Recurring]:
    found = listed(cluster, config)
    if not found:
        raise UserError(
            f"the cluster has no recurring run {recurring_name(config)!r}",
            fix="make it with `imagemill kubeflow schedule --config FILE --cron ...`",
        )
    return found


def _experiment(cluster: Cluster, client: Any, config: Config) -> str:
    name = config.kubeflow.experiment or config.name
    return str(client.create_experiment(name, namespace=cluster.namespace).experiment_id)


def _trigger(config: Config, controller_zone: str) -> tuple[Clock, dict[str, Any]]:
    """The clock for people, and KFP's arguments."""
    schedule = config.schedule
    if schedule.watch:
        raise UserError(
            "KFP starts runs by time only, and `schedule.watch` is set",
            fix="give cron or every; with nothing new a run ends after its first step",
        )
    zone = schedule.timezone or controller_zone
    if schedule.cron and zone != controller_zone:
        raise UserError(
            f"`schedule.timezone` is {zone!r}, but KFP reads cron in its controller's zone, {controller_zone}",
            fix="write the times in that zone and pass --timezone, or set CRON_SCHEDULE_TIMEZONE of the "
            "deployment ml-pipeline-scheduledworkflow and say so with --cluster-timezone",
        )
    clock = Clock.of(schedule.model_copy(update={"timezone": zone}))
    if schedule.cron:
        return clock, {"cron_expression": Cron.parse(schedule.cron).six_fields()}
    return clock, {"interval_second": int(to_timedelta(schedule.every).total_seconds())}


def _recurring(item: Any) -> Recurring:
    trigger = item.trigger
    cron = trigger.cron_schedule.cron if trigger and trigger.cron_schedule else ""
    periodic = trigger.periodic_schedule if trigger else None
    reference = item.pipeline_version_reference
    digest = _DIGEST.search(item.description or "")
    return Recurring(
        id=str(item.recurring_run_id),
        name=str(item.display_name),
        trigger=cron or (f"every {periodic.interval_second} s" if periodic else ""),
        enabled=str(item.mode) == "ENABLE",
        version_id=str(reference.pipeline_version_id) if reference else "",
        digest=digest[1] if digest else "",
    )
