"""Recurring runs against a server that checks them by kfp-server-api's own models."""

from __future__ import annotations

import datetime

import pytest

from kubeflow.client import Cluster, connect
from kubeflow.schedule import apply, delete, listed, switch
from pipeline.config import Config, load_config, make_config
from tests.kubeflow import golden
from tests.kubeflow.kfp_server import kfp_server
from tests.kubeflow.test_client import DOCUMENT
from trainer.errors import UserError

NOW = datetime.datetime(2026, 3, 27, 12, tzinfo=datetime.timezone.utc)


@pytest.fixture
def server(monkeypatch):
    for name in ("KFP_TOKEN", "KFP_TOKEN_FILE", "KFP_COOKIES"):
        monkeypatch.delenv(name, raising=False)
    with kfp_server() as state:
        yield state


@pytest.fixture
def cluster(server) -> Cluster:
    return connect(server.url, "kubeflow")


def scheduled(**schedule: str) -> Config:
    values = load_config(golden.CONFIG).model_dump()
    return make_config({**values, "schedule": schedule}, source="a test")


def put(cluster: Cluster, config: Config, document: str = DOCUMENT, **options):
    return apply(cluster, config, document, {"epochs": "3"}, now=NOW, **options)


def test_created_as_the_config_says(server, cluster):
    applied = put(cluster, scheduled(cron="30 3 * * 7"))
    assert applied.action == "created"
    (made,) = server.recurring.values()
    assert made["trigger"] == {"cron_schedule": {"cron": "0 30 3 * * 0"}}
    assert (made["max_concurrency"], made["no_catchup"], made["mode"]) == (1, True, "ENABLE")
    assert made["pipeline_version_reference"]["pipeline_version_id"] == "version-1"
    assert made["runtime_config"]["parameters"] == {"epochs": 3}
    assert made["runtime_config"]["pipeline_root"] == "minio://mlpipeline/v2/artifacts"
    assert made["service_account"] == "imagemill-runner"
    assert made["experiment_id"] == server.experiments["scenes"]
    assert [f"{moment:%a %d %H:%M %Z}" for moment in applied.upcoming] == [
        "Sun 29 03:30 UTC",
        "Sun 05 03:30 UTC",
        "Sun 12 03:30 UTC",
    ]


def test_an_interval(server, cluster):
    applied = put(cluster, scheduled(every="6h"))
    (made,) = server.recurring.values()
    assert made["trigger"] == {"periodic_schedule": {"interval_second": 21600}}
    assert (applied.recurring.trigger, applied.upcoming) == ("every 21600 s", ())


def test_applying_again_changes_nothing(server, cluster):
    config = scheduled(cron="0 3 * * *")
    first = put(cluster, config)
    server.calls.clear()
    again = put(cluster, config)
    assert (again.action, again.recurring) == ("unchanged", first.recurring)
    changing = [
        c for c in server.calls if c.startswith("DELETE") or c.endswith("POST /recurringruns")
    ]
    assert changing == []


@pytest.mark.parametrize("what", ["schedule", "document"])
def test_a_change_replaces_it_and_never_has_two_enabled(server, cluster, what):
    first = put(cluster, scheduled(cron="0 3 * * *"))
    server.calls.clear()
    if what == "schedule":
        second = put(cluster, scheduled(cron="0 4 * * *"))
    else:
        second = put(cluster, scheduled(cron="0 3 * * *"), DOCUMENT.replace("scenes", "scenes2"))
    assert second.action == "updated"
    assert second.recurring.id != first.recurring.id
    assert list(server.recurring) == [second.recurring.id]
    order = [
        c.split("/apis/v2beta1/")[1]
        for c in server.calls
        if "recurringruns" in c and "GET" not in c
    ]
    assert order == [
        "recurringruns",
        f"recurringruns/{first.recurring.id}",
        f"recurringruns/{second.recurring.id}:enable",
    ]


@pytest.mark.parametrize("broken", ["DELETE", ":enable"])
def test_applying_again_finishes_what_was_broken_off(server, cluster, broken):
    put(cluster, scheduled(cron="0 3 * * *"))
    server.refuse = {broken: 503}
    with pytest.raises(UserError, match="HTTP 503"):
        put(cluster, scheduled(cron="0 4 * * *"))
    assert sum(r["mode"] == "ENABLE" for r in server.recurring.values()) <= 1
    server.refuse = {}
    assert put(cluster, scheduled(cron="0 4 * * *")).action == "updated"
    (left,) = server.recurring.values()
    assert (left["mode"], left["trigger"]["cron_schedule"]["cron"]) == ("ENABLE", "0 0 4 * * *")


def test_others_are_left_alone_also_on_later_pages(server, cluster):
    config = scheduled(cron="0 3 * * *")
    put(cluster, config)
    (ours,) = server.recurring.values()
    for number in range(3):
        other = {**ours, "recurring_run_id": f"other-{number}", "display_name": f"other-{number}"}
        server.recurring = {f"other-{number}": other, **server.recurring}
    assert [recurring.id for recurring in listed(cluster, config)] == [ours["recurring_run_id"]]
    delete(cluster, config)
    assert sorted(server.recurring) == ["other-0", "other-1", "other-2"]


def test_switched_off_and_on_and_deleted(server, cluster):
    config = scheduled(cron="0 3 * * *")
    put(cluster, config)
    assert not switch(cluster, config, enabled=False)[0].enabled
    assert not listed(cluster, config)[0].enabled
    assert put(cluster, config).action == "updated"
    assert listed(cluster, config)[0].enabled
    delete(cluster, config)
    assert listed(cluster, config) == []
    with pytest.raises(UserError, match="no recurring run 'scenes-schedule'"):
        switch(cluster, config, enabled=True)


def test_a_conflict_is_told(server, cluster):
    server.refuse = {"POST /apis/v2beta1/recurringruns": 409}
    with pytest.raises(UserError, match=r"HTTP 409.*Already exists"):
        put(cluster, scheduled(cron="0 3 * * *"))


def test_no_rights_and_nobody_there(server, cluster):
    server.token = "secret"
    with pytest.raises(UserError, match="refuses us"):
        put(cluster, scheduled(cron="0 3 * * *"))
    server.token = None
    server.refuse = {"/apis/": 503}
    with pytest.raises(UserError, match="HTTP 503"):
        put(cluster, scheduled(cron="0 3 * * *"))


def test_what_kfp_cannot_keep_is_refused_before_anything_is_sent(server, cluster):
    server.calls.clear()
    for schedule, why in (
        ({"cron": "0 3 * * *", "timezone": "Europe/Berlin"}, "controller's zone, UTC"),
        ({"watch": "/data"}, "by time only"),
        ({}, "nothing says when"),
        ({"cron": "0 3 * *"}, "no cron expression"),
    ):
        with pytest.raises(UserError, match=why):
            put(cluster, scheduled(**schedule))
    assert server.calls == []
    berlin = scheduled(cron="0 3 * * *", timezone="Europe/Berlin")
    applied = put(cluster, berlin, controller_zone="Europe/Berlin")
    assert f"{applied.upcoming[2]:%d %H:%M %Z}" == "30 03:00 CEST"
