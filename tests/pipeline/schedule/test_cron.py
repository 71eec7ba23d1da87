"""Cron expressions: their meaning, their errors, the days when clocks change, and Kubeflow's six fields."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.schedule.clock import Clock, find_zone
from pipeline.schedule.config import ScheduleConfig
from pipeline.schedule.cron import Cron
from pipeline.schedule.trigger import next_time
from trainer.errors import UserError

UTC = datetime.timezone.utc
BERLIN = ZoneInfo("Europe/Berlin")


def times(text: str, after: str, count: int = 3, zone: str = "Europe/Berlin") -> list[str]:
    clock = Clock.of(ScheduleConfig(cron=text, timezone=zone))
    start = datetime.datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    return [f"{moment:%m-%d %H:%M}" for moment in clock.upcoming(start, count)]


@pytest.mark.parametrize(
    ("text", "six"),
    [
        ("0 3 * * *", "0 0 3 * * *"),
        ("*/15 9-17 * * mon-fri", "0 */15 9,10,11,12,13,14,15,16,17 * * 1,2,3,4,5"),
        ("30 2 * * 7", "0 30 2 * * 0"),
        ("30 2 * * fri-sun", "0 30 2 * * 0,5,6"),
        ("5/20 1 1,15 jan,JUL ?", "0 5,25,45 1 1,15 1,7 *"),
        ("@weekly", "0 0 0 * * 0"),
        ("0 0 */2 * 1", "0 0 0 */2 * 1"),
    ],
)
def test_six_fields(text, six):
    assert Cron.parse(text).six_fields() == six


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("* * * *", "4 fields"),
        ("0 0 3 * * *", "6 fields"),
        ("60 * * * *", "'60' is not from 0 to 59"),
        ("a * * * *", "'a'"),
        ("5-1 * * * *", "empty"),
        ("*/0 * * * *", "empty"),
        ("0 0 31 2 *", "no such date"),
        ("0 0 0 * *", "'0' is not from 1 to 31"),
        ("1,,2 * * * *", "cannot be read"),
        ("", "fields"),
    ],
)
def test_what_is_no_cron_expression(text, why):
    with pytest.raises(UserError, match="is no cron expression") as caught:
        Cron.parse(text)
    assert why in caught.value.message


def test_sunday_is_0_and_7_and_either_day_field_suffices():
    assert times("0 3 * * 0", "2026-03-02T00:00", 1) == ["03-08 03:00"]
    assert times("0 3 * * 7", "2026-03-02T00:00", 1) == ["03-08 03:00"]
    assert times("0 0 1 * 1", "2026-01-25T12:00") == ["01-26 00:00", "02-01 00:00", "02-02 00:00"]
    assert times("0 0 */2 * 1", "2026-03-01T00:00", 2) == ["03-09 00:00", "03-23 00:00"]


def test_midnight_after_the_clocks_changed_is_not_skipped():
    """APScheduler 3.11.3 answers 1 May and 6 April here."""
    assert times("0 0 1 * *", "2026-03-28T13:00", 1) == ["04-01 00:00"]
    assert times("0 0 * * 1", "2026-03-28T13:00", 1) == ["03-30 00:00"]


def test_an_hour_left_out_comes_later_and_one_repeated_comes_once():
    assert times("30 2 * * *", "2026-03-28T12:00", 2) == ["03-29 03:30", "03-30 02:30"]
    assert times("30 2,3 * * *", "2026-03-28T12:00", 3) == [
        "03-29 03:30",
        "03-30 02:30",
        "03-30 03:30",
    ]
    assert times("30 2 * * *", "2026-10-24T12:00", 2) == ["10-25 02:30", "10-26 02:30"]


def test_leap_days():
    assert times("0 0 29 2 *", "2026-01-01T00:00", 1) == ["02-29 00:00"]


FIELDS = st.tuples(
    st.sampled_from(["0", "*/20", "5,50", "*"]),
    st.sampled_from(["0", "2", "*/6", "*"]),
    st.sampled_from(["*", "1", "13", "*/3"]),
    st.sampled_from(["*", "3,10", "*/2"]),
    st.sampled_from(["*", "0", "mon-fri"]),
)


@settings(max_examples=60, deadline=None)
@given(FIELDS, st.datetimes(datetime.datetime(2026, 1, 1), datetime.datetime(2027, 1, 1)))
def test_the_next_time_is_the_first_minute_that_matches(fields, start):
    cron = Cron.parse(" ".join(fields))
    after = start.replace(tzinfo=UTC)
    found = next_time(cron, UTC, after)
    assert found is not None
    assert found > after
    minute = after.replace(second=0, microsecond=0) + datetime.timedelta(minutes=1)
    while not (
        cron.matches_day(minute.date())
        and minute.hour in cron.hour.values
        and minute.minute in cron.minute.values
    ):
        minute += datetime.timedelta(minutes=1)
    assert found == minute


def test_every_counts_from_midnight_whenever_it_starts():
    clock = Clock.of(ScheduleConfig(every="6h", timezone="UTC"))
    start = datetime.datetime(2026, 3, 1, 7, 12, tzinfo=UTC)
    assert [moment.hour for moment in clock.upcoming(start, 3)] == [12, 18, 0]


def test_missed():
    clock = Clock.of(ScheduleConfig(cron="0 3 * * *", timezone="Europe/Berlin"))
    last = datetime.datetime(2026, 3, 1, 3, tzinfo=BERLIN)
    days = [moment.day for moment in clock.missed(last, last + datetime.timedelta(days=3))]
    assert days == [2, 3, 4]
    assert clock.missed(last, last + datetime.timedelta(hours=23)) == []


def test_zones():
    assert find_zone("Asia/Tokyo") == (ZoneInfo("Asia/Tokyo"), "Asia/Tokyo")
    with pytest.raises(UserError, match="no time zone 'Mars/Olympus'"):
        find_zone("Mars/Olympus")


def test_a_schedule_needs_one_clock():
    with pytest.raises(UserError, match="nothing says when to run"):
        Clock.of(ScheduleConfig())
    with pytest.raises(ValueError, match="not both"):
        ScheduleConfig(cron="0 3 * * *", every="6h")
    assert Clock.of(ScheduleConfig(watch="photos")).next(datetime.datetime.now(UTC)) is None
