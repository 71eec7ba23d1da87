"""The metadata that Hugging Face's hub reads from the top of a card, as YAML.

front_matter(config, dataset, metrics)["model-index"]

The keys are those of `huggingface_hub.ModelCardData`; the results follow its `model-index` (task, dataset, metrics),
one entry for the whole split and one for each slice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from components.model_pusher.card.config import CardConfig

Facts = Mapping[str, Any]
TASK = "image-classification"
# Ours by the id that the hub's metrics go by.
_METRICS = {
    "accuracy": ("accuracy", "Accuracy"),
    "macro_f1": ("f1", "Macro F1"),
    "macro_auc": ("roc_auc", "Macro AUC"),
    "log_loss": ("log_loss", "Log loss"),
    "ece": ("ece", "Expected calibration error"),
}


def front_matter(config: Facts, dataset: Facts, metrics: Facts) -> dict[str, Any]:
    """Keys without a value are left out, as the hub wants it."""
    owner = CardConfig.model_validate(config.get("card", {}))
    name = str(config.get("name", "model"))
    overall = metrics.get("overall", {})
    found = {
        "language": list(owner.languages),
        "license": owner.license,
        "license_link": owner.license_link,
        "library_name": "keras",
        "pipeline_tag": TASK,
        "tags": list(dict.fromkeys((TASK, "imagemill", "mobilenetv3", "tfx", *owner.tags))),
        "datasets": list(owner.datasets),
        "metrics": [_METRICS[key][0] for key in _METRICS if key in overall],
        "base_model": owner.base_model,
        "model_name": name,
        "model-index": [{"name": name, "results": list(_results(name, owner, dataset, metrics))}]
        if overall
        else [],
    }
    return {key: value for key, value in found.items() if value}


def _results(
    name: str, owner: CardConfig, dataset: Facts, metrics: Facts
) -> Iterable[dict[str, Any]]:
    split = str(metrics.get("split", "test"))
    place = {
        "type": owner.datasets[0] if owner.datasets else "imagefolder",
        "name": name,
        "split": split,
    }
    if dataset.get("data_version"):
        place["revision"] = str(dataset["data_version"])
    yield _result(place, metrics.get("overall", {}))
    for one in metrics.get("slices", ()):
        where = {**place, "name": f"{name}, {one['feature']} {one['value']}"}
        yield _result(where, one)


def _result(place: Mapping[str, str], figures: Facts) -> dict[str, Any]:
    return {
        "task": {"type": TASK, "name": "Image Classification"},
        "dataset": dict(place),
        "metrics": [
            {"type": kind, "name": title, "value": round(float(figures[key]), 6)}
            for key, (kind, title) in _METRICS.items()
            if figures.get(key) is not None
        ],
    }
