"""The model card: what a person needs to know before trusting a model, as Markdown.

After "Model Cards for Model Reporting" (arXiv 1810.03993), as far as the pipeline knows the
answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Facts = Mapping[str, Any]


def model_card(config: Facts, dataset: Facts, metrics: Facts, lineage: Mapping[str, str]) -> str:
    """The card's text; sections whose facts are missing are left out."""
    name = config.get("name", "model")
    parts = [
        f"# {name}\n\nAn image classifier made by imagemill. It answers one image with a "
        "probability for each of "
        f"{len(dataset.get('class_names', ()))} classes.",
        _section("Training data", _data_lines(dataset)),
        _section(
            "Evaluation on the held-out test split",
            _table(metrics.get("overall", {}), ("metric", "value")),
        ),
        _section("By class", _class_lines(metrics.get("per_class", {}))),
        _section("Rules it passed or failed", _rule_lines(metrics.get("rules", ()))),
        _section("Settings", _table(_flat(config.get("train", {})), ("setting", "value"))),
        _section("Lineage", _table(lineage, ("id", "value"))),
        _section(
            "Limits",
            "It knows only the classes above and answers with one of them whatever the image "
            "shows. The figures "
            "hold for images like those it was evaluated on.",
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text else ""


def _data_lines(dataset: Facts) -> str:
    counts = dataset.get("counts", {})
    classes = dataset.get("class_names", ())
    if not counts:
        return ""
    head = ("class", *counts)
    rows = [(name, *(str(counts[split].get(name, 0)) for split in counts)) for name in classes]
    return _rows(head, rows)


def _class_lines(per_class: Mapping[str, Mapping[str, Any]]) -> str:
    if not per_class:
        return ""
    columns = list(next(iter(per_class.values())))
    rows = [
        (name, *(_figure(values.get(c)) for c in columns)) for name, values in per_class.items()
    ]
    return _rows(("class", *columns), rows)


def _rule_lines(rules: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        (str(r["name"]), _figure(r.get("value")), _figure(r.get("limit")), str(r["verdict"]))
        for r in rules
    ]
    return _rows(("rule", "value", "limit", "verdict"), rows) if rows else ""


def _table(values: Mapping[str, Any], head: tuple[str, str]) -> str:
    return _rows(head, [(key, _figure(value)) for key, value in values.items()]) if values else ""


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
