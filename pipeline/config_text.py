"""The config as text: the commented file that `imagemill init` writes, and what one key means.

Everything comes from the `Settings` classes, so it cannot drift from what is checked.
"""

from __future__ import annotations

import difflib
import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipeline.config import Config
from trainer.errors import UserError

_WIDTH = 96
_HEADER = """\
# Config of imagemill. Run it with: imagemill run --config {file}
# Every setting is listed with its default, commented out: remove the `#` to change one.
# Relative paths are relative to this file.
"""


def commented_yaml(values: Mapping[str, Any], *, file: str) -> str:
    """A config file with `values` set and every other key commented out at its default."""
    lines = _lines(Config, values, indent=0)
    return _HEADER.format(file=file) + "\n".join(lines) + "\n"


def explain(key: str) -> str:
    """What a dotted key means: description, type, default.

    Raises:
      UserError: there is no such key.
    """
    field, section = _find(key)
    return _describe(key, field, section)


def facts(key: str) -> dict[str, Any]:
    """The same for a script.

    Raises:
      UserError: there is no such key.
    """
    field, section = _find(key)
    found: dict[str, Any] = {"key": key, "description": field.description or ""}
    if section is not None:
        return {**found, "keys": list(section.model_fields)}
    return {**found, "type": type_name(field), "default": _default_text(field)}


def _find(key: str) -> tuple[FieldInfo, type[BaseModel] | None]:
    owner: type[BaseModel] = Config
    parts = key.split(".")
    for position, part in enumerate(parts):
        field = owner.model_fields.get(part)
        if field is None:
            raise _unknown(key, ".".join(parts[:position]), part, owner)
        section = _section(field)
        if position == len(parts) - 1:
            return field, section
        if section is None:
            raise _unknown(key, ".".join(parts[: position + 1]), parts[position + 1], None)
        owner = section
    raise AssertionError("a key has at least one part")


def _describe(key: str, field: FieldInfo, section: type[BaseModel] | None) -> str:
    lines = [key, textwrap.indent(textwrap.fill(field.description or "", _WIDTH - 2), "  ")]
    if section is not None:
        lines.append("  keys:    " + ", ".join(section.model_fields))
    else:
        lines.append(f"  type:    {type_name(field)}")
        lines.append(f"  default: {_default_text(field)}")
    return "\n".join(lines)


def type_name(field: FieldInfo) -> str:
    """The type and bounds of a field, for a person."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        name = " | ".join(str(value) for value in get_args(kind))
    else:
        name = kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
    bounds = [
        f"{sign} {getattr(rule, attribute):g}"
        for rule in field.metadata
        for attribute, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
        if getattr(rule, attribute, None) is not None
    ]
    return name + (f" ({', '.join(bounds)})" if bounds else "")


def _lines(model: type[BaseModel], values: Mapping[str, Any], indent: int) -> Iterator[str]:
    pad = "  " * indent
    for name, field in model.model_fields.items():
        section = _section(field)
        if indent == 0:
            yield ""
        yield from textwrap.wrap(
            field.description or "", _WIDTH, initial_indent=f"{pad}# ", subsequent_indent=f"{pad}# "
        )
        if section is not None:
            given = values.get(name, {})
            yield f"{pad}{name}:" if given else f"{pad}# {name}:"
            nested = _lines(section, given, indent + 1)
            yield from nested if given else (_commented(line) for line in nested)
        elif name in values:
            yield f"{pad}{name}: {json.dumps(values[name], ensure_ascii=False)}"
        else:
            yield f"{pad}# {name}: {_default_text(field)}"


def _commented(line: str) -> str:
    return line if line.lstrip().startswith("#") or not line else f"# {line}"


def _default_text(field: FieldInfo) -> str:
    if field.default is PydanticUndefined and field.default_factory is None:
        return "(must be given)"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        return default.model_dump_json()
    return json.dumps(default, default=str, ensure_ascii=False)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _unknown(key: str, place: str, part: str, owner: type[BaseModel] | None) -> UserError:
    known = list(owner.model_fields) if owner else []
    close = difflib.get_close_matches(part, known, n=1)
    prefix = f"{place}." if place else ""
    hint = (
        f"did you mean `{prefix}{close[0]}`?" if close else f"known: {', '.join(known) or 'none'}"
    )
    return UserError(
        f"there is no config key {key!r}: {place or 'the config'} has no {part!r}; {hint}",
        fix="`imagemill config schema` lists every key",
    )
