"""The history: whole lines only, in order, from many writers, on a disk and in a bucket."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.retrain_check.history import Event, History, last_run
from tests.components.model_pusher.fakes import BucketFileSystem

assert BucketFileSystem.scheme() == "bucket"
T0 = datetime.datetime(2026, 1, 31, 23, 30, tzinfo=datetime.timezone.utc)


@pytest.fixture(params=["disk", "bucket"])
def root(request, tmp_path, monkeypatch):
    (tmp_path / "bucket").mkdir()
    monkeypatch.setenv("IMAGEMILL_TEST_BUCKET", str(tmp_path / "bucket"))
    return str(tmp_path / "reg[i]stry*") if request.param == "disk" else "bucket://shop/reg[i]stry"


def hours(count: float) -> datetime.datetime:
    return T0 + datetime.timedelta(hours=count)


def check(data: str, *, retrain: bool = True) -> Event:
    return Event(kind="check", retrain=retrain, data_version=data, run_version="r")


def ran(outcome: str, data: str = "") -> Event:
    return Event.model_validate({"kind": "run", "outcome": outcome, "data_version": data})


def test_events_come_back_in_order_across_months(root):
    history = History(root, "scenes")
    assert history.events() == []
    history.append(check("d2", retrain=False), hours(1))
    history.append(check("d1"), hours(0))
    events = History(root, "scenes").events()
    assert [(event.data_version, event.time[:19]) for event in events] == [
        ("d1", "2026-01-31T23:30:00"),
        ("d2", "2026-02-01T00:30:00"),
    ]
    assert [event.data_version for event in history.events(months=1)] == ["d2"]
    assert History(root, "other").events() == []


def test_local_time_is_written_as_utc(tmp_path):
    berlin = datetime.timezone(datetime.timedelta(hours=2))
    moment = datetime.datetime(2026, 7, 1, 1, tzinfo=berlin)
    assert History(str(tmp_path), "m").append(check("d"), moment).time.startswith("2026-06-30T23")


def test_a_torn_line_is_passed_over_and_not_joined_by_the_next(tmp_path):
    history = History(str(tmp_path), "m")
    history.append(check("d1"), hours(0))
    (file,) = tmp_path.rglob("*.jsonl")
    with file.open("ab") as torn:
        torn.write(b'{"kind": "check", "retr')
    history.append(check("d2"), hours(0.1))
    assert [event.data_version for event in history.events()] == ["d1", "d2"]
    assert len(file.read_text().splitlines()) == 3


def test_keys_of_a_newer_version_are_passed_over(tmp_path):
    history = History(str(tmp_path), "m")
    history.append(check("d1"), hours(0))
    (file,) = tmp_path.rglob("*.jsonl")
    line = {**json.loads(file.read_text()), "colour": "red"}
    file.write_text(json.dumps(line) + "\n")
    assert history.events()[0].data_version == "d1"


def test_many_processes_append_whole_lines(tmp_path):
    code = (
        "import sys;from components.retrain_check.history import Event, History\n"
        "h = History(sys.argv[1], 'm')\n"
        "for i in range(50): h.append(Event(kind='check', reason=sys.argv[2] * 5000))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    root = Path(__file__).parents[3]
    writers = [subprocess.Popen([*command, letter], cwd=root) for letter in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    reasons = [event.reason for event in History(str(tmp_path), "m").events()]
    assert sorted(reasons) == sorted([letter * 5000 for letter in "abc"] * 50)


def times(events: list[Event]) -> list[Event]:
    return [
        event.model_copy(update={"time": hours(i).isoformat()}) for i, event in enumerate(events)
    ]


def test_no_run_no_last_run():
    assert last_run([]) is None
    assert last_run(times([check("d", retrain=False)])) is None


def test_the_last_run_is_the_last_end_and_knows_its_data_from_the_check():
    last = last_run(times([check("d1"), ran("pushed"), check("d1", retrain=False)]))
    assert last is not None
    assert (last.outcome, last.data_version, last.run_version) == ("pushed", "d1", "r")


def test_a_run_without_an_end_is_lost():
    last = last_run(times([check("d1"), ran("pushed"), check("d2")]))
    assert last is not None
    assert (last.outcome, last.data_version, last.failures) == ("lost", "d2", 1)


@pytest.mark.parametrize(
    ("events", "failures"),
    [
        ([check("d"), ran("failed"), check("d"), check("d")], 3),
        ([check("d"), ran("failed"), check("e"), ran("failed")], 1),
        ([check("d"), ran("failed"), check("d"), ran("pushed"), check("d"), ran("failed")], 1),
        ([check("d"), ran("refused_data")], 0),
        ([check("d"), ran("failed"), check("d", retrain=False), check("d"), ran("failed")], 2),
    ],
)
def test_failures_in_a_row_count_for_the_same_input_only(events, failures):
    last = last_run(times(events))
    assert last is not None
    assert last.failures == failures
