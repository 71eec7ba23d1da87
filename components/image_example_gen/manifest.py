r"""A table that names images: CSV, TSV or JSON lines.

    path,label,split,camera
    cats/1.jpg,cat,train,phone

Paths are relative to the manifest's folder, absolute, or URLs. All columns but path, label and split are kept as
features `column/<name>`: integers where every value is one, floats where every value is a number, else text.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from components.image_example_gen import paths
from components.image_example_gen.config import IngestConfig
from trainer.errors import UserError

Value = int | float | str


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a manifest; `split` is as written, `columns` are the extra ones that have a value."""

    line: int
    path: str
    label: str
    split: str
    columns: Mapping[str, Value]


def read_manifest(path: str, config: IngestConfig) -> list[Row]:
    """Reads a manifest.

    Raises:
      UserError: it cannot be read or parsed, or a needed column is missing.
    """
    try:
        text = paths.read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"the manifest {path!r} is not UTF-8 text (byte {error.start})", fix="save it as UTF-8"
        ) from None
    except OSError as error:
        raise UserError(
            f"cannot read the manifest {path!r}: {error.strerror or error}", fix="check the path"
        ) from None
    lower = path.lower()
    records = _json_lines(path, text) if lower.endswith(("jsonl", "ndjson")) else _table(path, text)
    return _rows(path, records, config)


def _json_lines(path: str, text: str) -> list[tuple[int, Mapping[str, object]]]:
    found: list[tuple[int, Mapping[str, object]]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise UserError(
                f"line {number} of the manifest {path!r} is not JSON: {error}",
                fix="correct that line",
            ) from None
        if not isinstance(record, dict):
            raise UserError(
                f"line {number} of the manifest {path!r} is {type(record).__name__}, not an object",
                fix='write one object a line, such as {"path": "1.jpg", "label": "cat"}',
            )
        found.append((number, record))
    return found


def _table(path: str, text: str) -> list[tuple[int, Mapping[str, object]]]:
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found: list[tuple[int, Mapping[str, object]]] = []
    try:
        for record in reader:
            if record.pop(None, None) or None in record.values():  # type: ignore[call-overload]
                raise UserError(
                    f"line {reader.line_num} of the manifest {path!r} does not have "
                    f"{len(reader.fieldnames or ())} fields as its header has",
                    fix="correct that line; values that hold the delimiter need quotes",
                )
            found.append((reader.line_num, dict(record)))
    except csv.Error as error:
        raise UserError(
            f"line {reader.line_num} of the manifest {path!r} is not CSV: {error}",
            fix="correct that line",
        ) from None
    return found


def _rows(
    path: str, records: Sequence[tuple[int, Mapping[str, object]]], config: IngestConfig
) -> list[Row]:
    names = list(dict.fromkeys(name for _, record in records for name in record))
    reserved = (config.path_column, config.label_column, config.split_column)
    missing = [name for name in reserved[:2] if name not in names]
    if missing:
        raise UserError(
            f"the manifest {path!r} has no column {' and no column '.join(map(repr, missing))}: "
            f"its columns are {', '.join(map(repr, names)) or 'none'}",
            fix="rename the columns, or name yours in `data.path_column` and `data.label_column`",
        )
    extra = {
        name: _typed(record.get(name) for _, record in records)
        for name in names
        if name not in reserved
    }
    return [
        Row(
            line,
            _text(record.get(config.path_column)),
            _text(record.get(config.label_column)),
            _text(record.get(config.split_column)),
            {name: value for name, values in extra.items() if (value := values[at]) is not None},
        )
        for at, (line, record) in enumerate(records)
    ]


def _text(value: object) -> str:
    if value is None:
        return ""
    return (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    )


def _typed(values: Iterable[object]) -> list[Value | None]:
    """One type for the whole column; blank and null values become None."""
    texts = [_text(value).strip() for value in values]
    return _parsed(texts, _integer) or _parsed(texts, _number) or [text or None for text in texts]


def _parsed(texts: Sequence[str], parse: Callable[[str], Value]) -> list[Value | None] | None:
    """All values parsed, or None where one cannot be."""
    try:
        return [parse(text) if text else None for text in texts]
    except ValueError:
        return None


def _integer(text: str) -> int:
    """A whole number as tf.Example holds it; a leading zero marks a code, not a number."""
    if text in ("true", "false"):
        return int(text == "true")
    value = int(text)
    if str(value) != text.lstrip("+") or not -(2**63) <= value < 2**63:
        raise ValueError(text)
    return value


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or (
        text.lstrip("+-")[:1] == "0" and text.lstrip("+-")[1:2].isdigit()
    ):
        raise ValueError(text)
    return value
