"""The tables of a card's quantitative analysis, from `metrics.json`: head and rows of texts.

head, rows = slice_table(metrics)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Facts = Mapping[str, Any]
Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]


def wilson(share: float, total: int) -> tuple[float, float]:
    """The 95% confidence interval of a share (Wilson, JASA 1927).

    Args:
      share: 0 to 1.
      total: number of images, at least 1.
    """
    from scipy.stats import binomtest

    interval = binomtest(round(share * total), total).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def overall_table(metrics: Facts) -> Rows:
    """Every figure over the whole split; accuracy with its interval."""
    overall, examples = metrics.get("overall", {}), int(metrics.get("examples") or 0)
    baseline = metrics.get("baseline", {})
    head = ("metric", "value", "95% interval", *(("in service",) if baseline else ()))
    rows = [
        (
            name,
            _text(value),
            _interval(value, examples) if name == "accuracy" else "",
            *((_text(baseline.get(name)),) if baseline else ()),
        )
        for name, value in overall.items()
    ]
    return head, rows


def class_table(metrics: Facts) -> Rows:
    """One row a class."""
    per_class = metrics.get("per_class", {})
    columns = tuple(next(iter(per_class.values()), {}))
    rows = [(name, *(_text(of.get(c)) for c in columns)) for name, of in per_class.items()]
    return ("class", *columns), rows


def slice_table(metrics: Facts) -> Rows:
    """One row a slice; what is sliced by class stands in the table by class."""
    rows: list[tuple[str, ...]] = [
        (
            f"{one['feature']}: {one['value']}",
            str(one["examples"]),
            _text(one["accuracy"]),
            _interval(one["accuracy"], one["examples"]),
            _text(one["log_loss"]),
        )
        for one in _slices(metrics)
    ]
    return ("slice", "images", "accuracy", "95% interval", "log loss"), rows


def rule_table(metrics: Facts) -> Rows:
    """One row a rule."""
    rows: list[tuple[str, ...]] = [
        (str(one["name"]), _text(one.get("value")), _text(one.get("limit")), str(one["verdict"]))
        for one in metrics.get("rules", ())
    ]
    return ("rule", "value", "limit", "verdict"), rows


def _slices(metrics: Facts) -> Iterable[Facts]:
    return (one for one in metrics.get("slices", ()) if one["feature"] != "class")


def _interval(share: float, total: int) -> str:
    if not total:
        return ""
    low, high = wilson(share, total)
    return f"{low:.3f} to {high:.3f}"


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
