"""When runs start by themselves: the YAML section `schedule:`.

schedule:
  cron: "0 3 * * *"
  timezone: Europe/Berlin
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from components.durations import Duration, to_timedelta
from trainer.settings import Settings


class ScheduleConfig(Settings):
    """When `imagemill schedule` starts a run; flags of the command win."""

    cron: str = Field(
        "",
        description="Five fields as in crontab(5): minute, hour, day of month, month, day of week (0 "
        "and 7 are Sunday), or @hourly, @daily, @weekly, @monthly; empty: none.",
    )
    every: Duration | Literal[""] = Field(
        "",
        description="Start every so often, such as 6h, counted from midnight UTC of 1970 so that "
        "restarts shift nothing; empty: never.",
    )
    watch: str = Field(
        "",
        description="Start when files under this path change and then stay as they are for `settle`; "
        "empty: never.",
    )
    timezone: str = Field(
        "",
        description="Time zone of `cron`, such as Europe/Berlin; empty: that of this machine.",
    )
    poll: Duration = Field("60s", description="How often `watch` looks.")
    settle: Duration = Field("5m", description="How long watched files must stay as they are.")
    on_stop: Literal["checkpoint", "finish"] = Field(
        "checkpoint",
        description="What SIGTERM does to a run in progress: `checkpoint` stops it where it can go on "
        "later, `finish` lets it end first.",
    )
    stop_timeout: Duration = Field(
        "90s", description="How long a run has to write its checkpoint before it is killed."
    )

    @model_validator(mode="after")
    def _one_clock(self) -> ScheduleConfig:
        if self.cron and self.every:
            raise ValueError("give `cron` or `every`, not both")
        if self.every and to_timedelta(self.every).total_seconds() < 1:
            raise ValueError(f"`every` must be at least 1s; received {self.every!r}")
        return self
