"""Turns pydantic's validation errors into one sentence a key: what, where, received, what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, get_args

import pydantic
from pydantic import BaseModel

from trainer.errors import UserError

_Location = Sequence["str | int"]


def describe_errors(
    error: pydantic.ValidationError, model: type[BaseModel], *, source: str
) -> UserError:
    """One `UserError` that lists every key that is wrong.

    Args:
      error: what pydantic found.
      model: the class that was being filled, for did-you-mean.
      source: the file or command the values came from.
    """
    lines = [_sentence(detail, model) for detail in error.errors()]
    some = (
        lines[0]
        if len(lines) == 1
        else "\n  - ".join([f"{len(lines)} settings are wrong:", *lines])
    )
    return UserError(
        f"in {source}: {some}",
        fix="correct the setting; `imagemill config explain KEY` tells what a key means"
        if len(lines) == 1
        else "correct these settings; `imagemill config explain KEY` tells what a key means",
    )


def _sentence(detail: Any, model: type[BaseModel]) -> str:
    location: _Location = detail["loc"]
    key = ".".join(str(part) for part in location) or "the settings"
    if detail["type"] == "extra_forbidden":
        return f"unknown key `{key}`{_did_you_mean(location, model)}"
    if detail["type"] == "missing":
        return f"the key `{key}` is missing"
    message = detail["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return f"`{key}`: {message}; received {detail['input']!r}"


def _did_you_mean(location: _Location, model: type[BaseModel]) -> str:
    owner = _owner(location[:-1], model)
    known = sorted(owner.model_fields) if owner else []
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; known here: {', '.join(known)}" if known else ""


def _owner(path: _Location, model: type[BaseModel]) -> type[BaseModel] | None:
    """The settings class that the keys at `path` belong to."""
    owner: type[BaseModel] | None = model
    for part in path:
        field = owner.model_fields.get(str(part)) if owner else None
        if field is None:
            continue
        owner = next(
            (
                kind
                for kind in (field.annotation, *get_args(field.annotation))
                if isinstance(kind, type) and issubclass(kind, BaseModel)
            ),
            None,
        )
    return owner
