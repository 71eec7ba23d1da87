"""A cron expression as an APScheduler trigger that is right on the days when clocks change.

    CronTrigger(Cron.parse("0 0 1 * *"), ZoneInfo("Europe/Berlin")).get_next_fire_time(None, now)

APScheduler's own (3.11.3) adds wall-clock differences to UTC: asked on 28 March for the next midnight of a first of the
month in Berlin, it lands at one o'clock on 1 April, finds midnight gone, and answers 1 May. Here days are walked as
dates and only the result is converted. A time that the spring change leaves out fires an hour later by the clock, one
that the autumn change repeats fires once.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from apscheduler.triggers.base import BaseTrigger

from pipeline.schedule.cron import Cron

# 29 February comes at most eight years later (1896 to 1904, 2096 to 2104).
_LONGEST_WAIT = 366 * 8 + 2


class CronTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires at the wall-clock times of a zone."""

    def __init__(self, cron: Cron, zone: datetime.tzinfo) -> None:
        self._cron, self._zone = cron, zone

    def get_next_fire_time(
        self, previous_fire_time: datetime.datetime | None, now: datetime.datetime
    ) -> datetime.datetime | None:
        """The first time after the previous one, or not before now where there is none."""
        after = previous_fire_time or now - datetime.timedelta(microseconds=1)
        return next_time(self._cron, self._zone, after)

    def __str__(self) -> str:
        return f"cron[{self._cron.text}, {self._zone}]"


def next_time(
    cron: Cron, zone: datetime.tzinfo, after: datetime.datetime
) -> datetime.datetime | None:
    """The first time of `cron` after `after`, in `zone`; None where there is none in eight years."""
    start = after.astimezone(zone)
    for offset in range(_LONGEST_WAIT):
        day = start.date() + datetime.timedelta(days=offset)
        if cron.matches_day(day):
            found = _first(_moments(cron, zone, day), after)
            if found is not None:
                return found.astimezone(zone)
    return None


def _first(
    hours: Iterator[list[datetime.datetime]], after: datetime.datetime
) -> datetime.datetime | None:
    """The earliest moment after `after`: an hour that does not exist comes later than the next one begins."""
    for hour in hours:
        if later := [moment for moment in hour if moment > after]:
            overlapping = [moment for moment in next(hours, []) if moment > after]
            return min(later + overlapping)
    return None


def _moments(
    cron: Cron, zone: datetime.tzinfo, day: datetime.date
) -> Iterator[list[datetime.datetime]]:
    """The moments of a day in UTC, hour by hour."""
    for hour in cron.hour.values:
        times = (datetime.time(hour, minute) for minute in cron.minute.values)
        yield [
            datetime.datetime.combine(day, time, zone).astimezone(datetime.timezone.utc)
            for time in times
        ]
