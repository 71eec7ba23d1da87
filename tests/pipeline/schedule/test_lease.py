"""The scheduler's lease on an object store: one holder, dead ones replaced, a lost one noticed."""

from __future__ import annotations

import datetime
import threading
from pathlib import Path

import pytest

from pipeline.config import Config, make_config
from pipeline.schedule import lease as lease_module
from pipeline.schedule.lease import LIFE, Claim, Lease, process_space
from pipeline.schedule.lock import scheduler_lock, who_schedules
from tests.components.model_pusher import fakes  # noqa: F401 (registers bucket://)
from trainer.errors import UserError

START = datetime.datetime(2026, 3, 1, 3, tzinfo=datetime.timezone.utc)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    (tmp_path / "bucket").mkdir()
    monkeypatch.setenv("IMAGEMILL_TEST_BUCKET", str(tmp_path / "bucket"))
    values = {
        "name": "m",
        "data": {"root": "photos"},
        "output": str(tmp_path / "out"),
        "registry": "bucket://models",
    }
    return make_config(values, source="a test")


class Hours:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime.datetime:
        return self.now


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, claims come from a container of another machine."""
    monkeypatch.setattr(lease_module, "process_space", lambda: "another")
    monkeypatch.setattr("socket.gethostname", lambda: "node-2")


def test_the_second_is_refused_and_told_by_whom(config, monkeypatch):
    with scheduler_lock(config) as mine:
        assert mine
        elsewhere(monkeypatch)
        other = config.model_copy(update={"output": config.output + "-2"})
        assert "process" in who_schedules(other)
        with pytest.raises(UserError, match=r"another scheduler \(process \d+ on "):
            scheduler_lock(other).__enter__()
    with scheduler_lock(other) as mine:
        assert mine


def test_a_lease_that_is_not_renewed_dies_and_its_owner_notices(config):
    clock = Hours()
    first, second = Lease(config, clock), Lease(config, clock)
    assert first.take()
    clock.now += LIFE - datetime.timedelta(seconds=1)
    assert not second.take()
    assert first.renew()
    clock.now += LIFE
    assert second.take()
    assert not first.renew()
    assert second.renew()


def test_a_killed_process_of_this_machine_is_dead_at_once(config, monkeypatch):
    killed = Claim(time=START, host="h", pid=2**22 + 1, space=process_space())
    assert not killed.alive(START)
    assert killed.model_copy(update={"space": "another"}).alive(START)
    assert not killed.model_copy(update={"space": "another"}).alive(START + LIFE)


def test_of_many_that_come_at_once_never_two_stay(config):
    for _ in range(20):
        leases = [Lease(config) for _ in range(4)]
        together = threading.Barrier(len(leases))
        took: list[Lease] = []

        def try_it(lease: Lease, together=together, took=took) -> None:
            together.wait()
            if lease.take():
                took.append(lease)

        threads = [threading.Thread(target=try_it, args=(lease,)) for lease in leases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(took) <= 1
        for lease in took:
            lease.release()
        assert Lease(config).holder() == ""


def test_it_is_renewed_in_the_background_and_a_loss_is_told(config, monkeypatch):
    monkeypatch.setattr(lease_module, "RENEWED_EVERY", 0.01)
    clock, lost = Hours(), threading.Event()
    first, second = Lease(config, clock), Lease(config, clock)
    assert first.take()
    with first.kept(lost.set):
        clock.now += LIFE - datetime.timedelta(seconds=1)
        assert not lost.wait(0.2)
        clock.now += LIFE - datetime.timedelta(seconds=1)
        assert not second.take(), "it was not renewed"
        with monkeypatch.context() as outage:
            outage.setattr(first, "_storage", None)
            clock.now += LIFE
            assert lost.wait(5)


def test_a_registry_on_a_disk_needs_none(tmp_path: Path):
    values = {"name": "m", "data": {"root": "photos"}, "output": str(tmp_path)}
    config = make_config(values, source="a test")
    with scheduler_lock(config), pytest.raises(UserError, match="another scheduler"):
        scheduler_lock(config).__enter__()
    assert list(tmp_path.rglob("*.json")) == []
