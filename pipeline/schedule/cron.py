"""Cron expressions with cron's own meaning, for the local scheduler and for Kubeflow.

    cron = Cron.parse("30 3 * * 1-5")
    cron.matches_day(datetime.date(2026, 3, 30))
    cron.six_fields()                             # "0 30 3 * * 1,2,3,4,5", as Kubeflow Pipelines wants it

APScheduler's own `from_crontab` counts weekdays from Monday (0 * * * 0 fires on Mondays, its issue 286) and wants both
day fields to hold where cron wants either; Kubeflow knows no 7 for Sunday. So fields are read here, once.
"""

from __future__ import annotations

import dataclasses
import datetime
import re

from trainer.errors import UserError

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_PART = re.compile(r"^(?P<first>\*|[a-z0-9]+)(?:-(?P<last>[a-z0-9]+))?(?:/(?P<step>\d+))?$")


@dataclasses.dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
      name: what it counts.
      low, high: the smallest and largest value allowed.
      values: those that match, ascending.
      starred: whether it was written with a `*`: only then does the other day field decide alone.
    """

    name: str
    low: int
    high: int
    values: tuple[int, ...]
    starred: bool

    @property
    def full(self) -> bool:
        """Whether every value matches."""
        return len(self.values) == self.high - self.low + 1

    def text(self) -> str:
        """The field for a parser that knows `*`, `*/n` and lists of numbers."""
        if self.full and self.starred:
            return "*"
        if self.starred:
            return f"*/{self.values[1] - self.values[0] if len(self.values) > 1 else self.high}"
        return ",".join(map(str, self.values))


_LIMITS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _WEEKDAYS),
)


@dataclasses.dataclass(frozen=True)
class Cron:
    """A cron expression; `text` is what was written."""

    text: str
    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Reads five fields or a macro.

        Raises:
          UserError: a field is missing, unknown or out of range, or no date ever matches.
        """
        written = " ".join(_MACROS.get(text.strip().lower(), text).lower().split())
        parts = written.split(" ")
        if len(parts) != len(_LIMITS):
            raise _wrong(
                text, f"it has {len(parts)} fields, not five (minute hour day month weekday)"
            )
        fields = [_field(text, part, *limits) for part, limits in zip(parts, _LIMITS, strict=True)]
        cron = cls(text.strip(), *fields)
        if not cron._ever():
            raise _wrong(text, "there is no such date")
        return cron

    def six_fields(self) -> str:
        """Seconds first, as Kubeflow's scheduler reads them."""
        fields = (self.minute, self.hour, self.day, self.month, self.weekday)
        return " ".join(["0", *(field.text() for field in fields)])

    def matches_day(self, day: datetime.date) -> bool:
        """Whether it fires on a day: where both day fields are restricted, either suffices."""
        if day.month not in self.month.values:
            return False
        of_month = day.day in self.day.values
        of_week = day.isoweekday() % 7 in self.weekday.values
        if self.day.starred or self.weekday.starred:
            return of_month and of_week
        return of_month or of_week

    def _ever(self) -> bool:
        if not (self.day.starred or self.weekday.starred):
            return True
        longest = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
        return any(min(self.day.values) <= longest.get(month, 31) for month in self.month.values)


def _field(text: str, part: str, name: str, low: int, high: int, names: tuple[str, ...]) -> Field:
    values: set[int] = set()
    for item in part.replace("?", "*").split(","):
        found = _PART.match(item)
        if found is None:
            raise _wrong(text, f"the {name} {part!r} cannot be read")
        values |= _values(text, found, name, low, high, names)
    return Field(name, low, high, tuple(sorted(values)), part.startswith(("*", "?")))


def _values(
    text: str, found: re.Match[str], name: str, low: int, high: int, names: tuple[str, ...]
) -> set[int]:
    # Sunday is 0 and 7, and a range such as fri-sun or 5-7 goes through it.
    top = 7 if name == "day of week" else high
    if found["first"] == "*":
        first, last = low, high
    else:
        first = _number(text, found["first"], name, low, top, names)
        last = first
        if found["last"]:
            last = _number(text, found["last"], name, low, top, names)
        elif found["step"]:
            last = high
    if name == "day of week" and last == 0 and first > 0 and found["last"]:
        last = 7
    step = int(found["step"] or 1)
    if last < first or step < 1:
        raise _wrong(text, f"the {name} {found[0]!r} is empty")
    return {value % 7 if name == "day of week" else value for value in range(first, last + 1, step)}


def _number(text: str, word: str, name: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if word in names:
        return names.index(word) + low
    if not word.isdigit() or not low <= int(word) <= high:
        raise _wrong(text, f"the {name} {word!r} is not from {low} to {high}")
    return int(word)


def _wrong(text: str, why: str) -> UserError:
    return UserError(
        f"{text!r} is no cron expression: {why}",
        fix='write five fields, such as "0 3 * * *" for three in the morning (see crontab(5))',
    )
