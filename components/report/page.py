"""The report as one HTML file: templates, styles and script of this folder put together; it loads nothing.

html = render(content, ReportConfig())
"""

from __future__ import annotations

import base64
import functools
import itertools
from collections.abc import Sequence
from importlib import resources
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from components.report.charts import Line, histogram_chart, line_chart, reliability_chart
from components.report.config import ReportConfig
from components.report.content import Report
from components.report.suspects import as_csv

_TEMPLATES = "templates"
_LEVELS = 7
_FIXES_ROOM = 300_000
_NOTHING = "\N{EN DASH}"


class Matrix(NamedTuple):
    """The confusion matrix that is shown: names, rows of (count, shade 0 to 7), classes left out."""

    names: tuple[str, ...]
    rows: tuple[tuple[tuple[int, int], ...], ...]
    left_out: int


class Fixes(NamedTuple):
    """The list of files to act on: a data URI, and the number of rows that had no room in it."""

    uri: str
    left_out: int


def render(content: Report, config: ReportConfig, fixes: str = "") -> str:
    """Draws the page.

    Args:
      content: what it tells.
      config: how much is shown.
      fixes: the data gate's list of files to act on, CSV; "" where there is none.
    """
    evaluation = content.evaluation
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=content,
            matrix=matrix(content, config.matrix_classes),
            curves=_curves(content),
            histograms=[histogram_chart(one) for one in content.histograms],
            reliability=reliability_chart(evaluation.reliability) if evaluation else "",
            style=_asset("report.css"),
            script=_asset("report.js"),
            fixes=_fixes(fixes),
            suspects_uri=_data_uri("text/csv", as_csv(content.labels.suspects)),
            json_uri=_data_uri("application/json", content.model_dump_json(indent=1)),
            config_uri=_data_uri("text/yaml", content.config_yaml),
            shown_suspects=content.labels.suspects[: config.suspects],
        )
    )


def matrix(content: Report, most: int) -> Matrix:
    """Counts with a shade by their share of the row; of many classes, those with most errors."""
    if content.evaluation is None or not content.evaluation.confusion:
        return Matrix((), (), 0)
    names, counts = content.evaluation.class_names, content.evaluation.confusion
    wrong = [
        sum(row) + sum(other[k] for other in counts) - 2 * row[k] for k, row in enumerate(counts)
    ]
    kept = sorted(sorted(range(len(names)), key=lambda k: -wrong[k])[:most])
    rows = tuple(
        tuple((counts[i][j], _shade(counts[i][j], sum(counts[i]))) for j in kept) for i in kept
    )
    return Matrix(tuple(names[k] for k in kept), rows, len(names) - len(kept))


def _shade(count: int, total: int) -> int:
    return 0 if not count else 1 + round((_LEVELS - 1) * count / total)


def _curves(content: Report) -> list[tuple[str, str]]:
    charts = [("Loss", "loss"), ("Accuracy", "accuracy")]
    drawn = [
        (
            title,
            line_chart(
                title,
                "epoch",
                [
                    _line(content, name, key)
                    for name, key in (("train", key), ("val", f"val_{key}"))
                ],
            ),
        )
        for title, key in charts
    ]
    return [(title, chart) for title, chart in drawn if chart]


def _line(content: Report, name: str, key: str) -> Line:
    rows = [row for row in content.epochs if key in row and "epoch" in row]
    return Line(name, [row["epoch"] for row in rows], [row[key] for row in rows])


def _fixes(text: str) -> Fixes:
    """As many whole rows as have room; a list without rows is no list."""
    head, *rows = text.splitlines(keepends=True) or [""]
    sizes = itertools.accumulate(len(row) for row in rows)
    kept = [row for row, size in zip(rows, sizes, strict=True) if size <= _FIXES_ROOM]
    uri = _data_uri("text/csv", "".join((head, *kept))) if kept else ""
    return Fixes(uri, len(rows) - len(kept))


def _data_uri(kind: str, text: str) -> str:
    return f"data:{kind};base64," + base64.b64encode(text.encode()).decode()


@functools.cache
def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(_TEMPLATES).joinpath(name).read_text("utf-8")


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__ or "components.report", _TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": _figure,
        "percent": _percent,
        "size": _size,
        "top": _top,
        "images": _images,
        "of": _of,
    }
    return environment


def _figure(value: Any) -> str:
    """Numbers with four figures; nothing for None."""
    if value is None:
        return _NOTHING
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _percent(value: float | None, digits: int = 1) -> str:
    return _NOTHING if value is None else f"{value:.{digits}%}"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _top(values: Sequence[Any], count: int) -> Sequence[Any]:
    return values[:count]


def _of(count: int, unit: str) -> str:
    """`1 image outside train`, `3 classes`; units are plural."""
    first, *rest = unit.split(" ")
    one = first.removesuffix("es") if first.endswith("sses") else first.removesuffix("s")
    return " ".join((f"{count:,}", one if count == 1 else first, *rest))


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
