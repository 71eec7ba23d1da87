"""When runs are due: the trigger of a schedule, what comes next, and what was missed.

    clock = Clock.of(config.schedule)
    clock.next(now), clock.missed(last, now), clock.zone_name

Pure: the time is always an argument.
"""

from __future__ import annotations

import dataclasses
import datetime
import zoneinfo
from typing import Any

from components.durations import to_timedelta
from pipeline.schedule.config import ScheduleConfig
from pipeline.schedule.cron import Cron
from trainer.errors import UserError

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MOST = 10_000


@dataclasses.dataclass(frozen=True)
class Clock:
    """The times of a schedule.

    Attributes:
      trigger: APScheduler's trigger; None where only a path is watched.
      zone: the time zone that cron fields are read in.
      zone_name: its name, for people.
      text: the schedule as written.
    """

    trigger: Any
    zone: datetime.tzinfo
    zone_name: str
    text: str

    @classmethod
    def of(cls, config: ScheduleConfig) -> Clock:
        """The clock of a schedule.

        Raises:
          UserError: a wrong cron expression or time zone, or nothing that could start a run.
        """
        zone, name = find_zone(config.timezone)
        if config.cron:
            from pipeline.schedule.trigger import CronTrigger

            trigger = CronTrigger(Cron.parse(config.cron), zone)
            return cls(trigger, zone, name, f"cron {config.cron!r}")
        if config.every:
            from apscheduler.triggers.interval import IntervalTrigger

            seconds = int(to_timedelta(config.every).total_seconds())
            trigger = IntervalTrigger(seconds=seconds, start_date=_EPOCH, timezone=zone)
            return cls(trigger, zone, name, f"every {config.every}")
        if config.watch:
            return cls(None, zone, name, f"watch {config.watch}")
        raise UserError(
            "nothing says when to run",
            fix='add --cron "0 3 * * *", --every 6h or --watch PATH, or a section `schedule:` to the config',
        )

    def next(self, after: datetime.datetime) -> datetime.datetime | None:
        """The first time after `after`; None where there is none."""
        times = self.upcoming(after, 1)
        return times[0] if times else None

    def upcoming(self, after: datetime.datetime, count: int) -> list[datetime.datetime]:
        """The next `count` times, in the clock's zone."""
        times: list[datetime.datetime] = []
        moment = after
        while self.trigger is not None and len(times) < count:
            fire = self.trigger.get_next_fire_time(
                None, moment + datetime.timedelta(microseconds=1)
            )
            if fire is None:
                break
            times.append(fire.astimezone(self.zone))
            moment = fire
        return times

    def missed(self, last: datetime.datetime, now: datetime.datetime) -> list[datetime.datetime]:
        """Times after `last`, up to `now`: what a scheduler that was down did not start."""
        times: list[datetime.datetime] = []
        moment = last
        while len(times) < _MOST:
            fire = self.next(moment)
            if fire is None or fire > now:
                break
            times.append(fire)
            moment = fire
        return times


def find_zone(name: str) -> tuple[datetime.tzinfo, str]:
    """A time zone and its name; "" is the machine's own.

    Raises:
      UserError: there is no such zone.
    """
    if not name:
        import tzlocal

        return tzlocal.get_localzone(), tzlocal.get_localzone_name()
    try:
        return zoneinfo.ZoneInfo(name), name
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise UserError(
            f"there is no time zone {name!r}",
            fix="name one as in the tz database, such as Europe/Berlin or UTC",
        ) from None
