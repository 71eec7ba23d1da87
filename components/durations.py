"""Lengths of time as people write them: `45s`, `90m`, `6h`, `30d`, `2w`, `1d12h`.

class PolicyConfig(Settings):
    max_age: Duration = Field("30d", description="...")

to_timedelta("1d12h")            # datetime.timedelta(days=1, seconds=43200)
to_text(timedelta(hours=36))     # "1d12h"
"""

from __future__ import annotations

import datetime
import re
from typing import Annotated

from pydantic import AfterValidator

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WHOLE = re.compile(r"(\d+[wdhms])+")
_PART = re.compile(r"(\d+)([wdhms])")
_LONGEST = 100 * 365 * 86_400


def to_timedelta(text: str) -> datetime.timedelta:
    """The length that `text` says.

    Raises:
      ValueError: it is no length of time, or longer than a century.
    """
    compact = re.sub(r"\s+", "", text.lower())
    if not _WHOLE.fullmatch(compact):
        raise ValueError(f"{text!r} is no length of time: write 45s, 90m, 6h, 30d, 2w or 1d12h")
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(compact))
    if seconds > _LONGEST:
        raise ValueError(f"{text!r} is longer than a century")
    return datetime.timedelta(seconds=seconds)


def to_text(length: datetime.timedelta) -> str:
    """The shortest exact way to write a length, to the second; negative ones are `0s`."""
    left = max(0, int(length.total_seconds()))
    parts = []
    for unit, seconds in list(_SECONDS.items())[1:]:
        count, left = divmod(left, seconds)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def roughly(length: datetime.timedelta) -> str:
    """A length for a sentence, in its largest unit: `3 days`, `1 hour`, `12 seconds`."""
    seconds = max(0, int(length.total_seconds()))
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            return _plural(seconds // size, name)
    return _plural(seconds, "second")


def _plural(count: int, name: str) -> str:
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def _checked(text: str) -> str:
    to_timedelta(text)
    return text


Duration = Annotated[str, AfterValidator(_checked)]
