"""How many of a finding are tolerated: nothing, a warning, or a refusal.

Policy(error=0.01, warn=0).level(count=5, total=2100)     # "warn": 0.24% is not over 1%
Policy.model_validate("ignore")                           # shorthands: "error", "warn", "ignore"
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from trainer.settings import Settings

Level = Literal["error", "warn", "ignore"]
Limit = int | float

_SHORTHANDS: dict[str, dict[str, int | None]] = {
    "error": {"error": 0, "warn": 0},
    "warn": {"error": None, "warn": 0},
    "ignore": {"error": None, "warn": None},
}


class Policy(Settings):
    """Limits on one kind of finding. A whole number counts, a fraction is a share; null is no limit."""

    error: Limit | None = Field(
        None,
        description="More than this stops the run: a count such as 3, or a share such as 0.01; "
        "0 tolerates none, null all.",
    )
    warn: Limit | None = Field(
        0, description="More than this is reported as a warning: a count or a share; null: silent."
    )

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value not in _SHORTHANDS:
            raise ValueError(
                "a policy is `error`, `warn`, `ignore`, or {error: LIMIT, warn: LIMIT}"
            )
        return _SHORTHANDS[value]

    @field_validator("error", "warn", mode="before")
    @classmethod
    def _limit(cls, value: Any) -> Any:
        if isinstance(value, bool) or (isinstance(value, (int, float)) and value < 0):
            raise ValueError("a limit is a count from 0 or a share from 0.0 to 1.0")
        if isinstance(value, float) and value > 1:
            raise ValueError("a limit with a decimal point is a share, at most 1.0")
        return value

    def level(self, count: int, total: int) -> Level:
        """What `count` findings among `total` candidates amount to."""
        if count and _over(count, total, self.error):
            return "error"
        if count and _over(count, total, self.warn):
            return "warn"
        return "ignore"

    def limit_text(self) -> str:
        """The limit that stops a run, for a person."""
        if self.error is None:
            return "none"
        if isinstance(self.error, float):
            return f"{self.error:.3g} of all" if self.error < 0.001 else f"{self.error:.2%}"
        return f"{self.error:,}"


def _over(count: int, total: int, limit: Limit | None) -> bool:
    if limit is None:
        return False
    return count > (limit * total if isinstance(limit, float) else limit)
