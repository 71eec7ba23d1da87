"""Errors that a user can act on, and the exit codes of the command.

    raise UserError(
        f"found no images under {root!r}: 0 of 12 files end in .jpg, .png ...",
        fix="point at a folder with one sub-folder per class",
    )

Anything else that escapes is a defect of ours or a fault of the machine: it exits with `ExitCode.INTERNAL`, and on a
cluster it is retried, while a `UserError` is not.
"""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """What the process says to the shell; documented in docs/exit-codes.md."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    DATA_REFUSED = 3
    NOT_BLESSED = 4
    TRAINING_FAILED = 5
    UNHEALTHY = 6
    INTERRUPTED = 130


class UserError(Exception):
    """Something the user can put right.

    Args:
      message: what happened, where, and the value received, in one sentence without a final full stop.
      fix: what to do next, in the imperative.
      code: the exit code of the process.
    """

    def __init__(self, message: str, *, fix: str, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message, fix, code)
        self.message = message
        self.fix = fix
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.fix, self.code)

    def __str__(self) -> str:
        return f"{self.message}. To fix it: {self.fix}."


def _rebuild(cls: type[UserError], message: str, fix: str, code: ExitCode) -> UserError:
    return cls(message, fix=fix, code=code)
