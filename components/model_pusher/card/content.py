"""What a model card says, before it has a form: sections of paragraphs, lists and tables.

    card = make_card(config, dataset, metrics, lineage)
    card.sections[0].title

The sections are those of Google's model-card-toolkit (model details, parameters, quantitative analysis,
considerations), after "Model Cards for Model Reporting" (arXiv 1810.03993). What the pipeline knows it says; what only
the owner knows comes from the config's `card:`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from components.differences import flat
from components.model_pusher.card.analysis import (
    class_table,
    overall_table,
    rule_table,
    slice_table,
)
from components.model_pusher.card.config import CardConfig

Facts = Mapping[str, Any]
UNSAID = "The owner has not said (`card:` in the config)."
_KNOWN_LIMITS = (
    "It knows only the classes above and answers with one of them whatever the image shows.",
    "The figures hold for images like those that it was evaluated on.",
)


@dataclasses.dataclass(frozen=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table; all rows have as many cells as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = str | Bullets | Table


@dataclasses.dataclass(frozen=True)
class Section:
    """A title of level 2 or 3, and what stands below it."""

    title: str
    blocks: tuple[Block, ...] = ()
    level: int = 3


@dataclasses.dataclass(frozen=True)
class Card:
    """The whole card.

    Attributes:
      name: the model's.
      lead: the first paragraph.
      sections: in order.
    """

    name: str
    lead: str
    sections: tuple[Section, ...]


def make_card(config: Facts, dataset: Facts, metrics: Facts, lineage: Mapping[str, str]) -> Card:
    """Gathers the card; sections of facts that are missing are left out, those of the owner's words are not."""
    owner = CardConfig.model_validate(config.get("card", {}))
    classes = len(dataset.get("class_names", ()))
    lead = (
        "An image classifier made by imagemill. It answers one image with a probability for each of "
        f"{classes} classes."
    )
    sections = (
        *_details(owner, lineage),
        *_parameters(owner, config, dataset),
        *_analysis(metrics),
        *_considerations(owner),
    )
    return Card(str(config.get("name", "model")), owner.overview or lead, sections)


def _details(owner: CardConfig, lineage: Mapping[str, str]) -> Iterable[Section]:
    license_name = " ".join(filter(None, (owner.license, owner.license_link)))
    yield Section("Model details", level=2)
    yield Section("Owners", (_said(owner.owners),))
    yield Section("Licence", (license_name or UNSAID,))
    if owner.references:
        yield Section("References", (Bullets(owner.references),))
    if owner.citation:
        yield Section("Citation", (owner.citation,))
    where = "Number, date and digests of all files are in `version.json` beside this card."
    yield Section("Version", (where, _pairs(lineage, ("id", "value"))))


def _parameters(owner: CardConfig, config: Facts, dataset: Facts) -> Iterable[Section]:
    train = config.get("train", {})
    yield Section("Model parameters", level=2)
    if train:
        yield Section("Architecture", (_architecture(train),))
    yield Section(
        "Input and output",
        (
            "Input: encoded images (JPEG, PNG ...), resized and scaled inside the model. Output: "
            "`probabilities` (one a class, adding up to 1), `class_index`, `class_name`, `probability`.",
        ),
    )
    if dataset.get("counts"):
        words = owner.data_description or UNSAID
        yield Section("Data", (words, _counts(dataset)))
    if train:
        yield Section("Settings", (_pairs(flat(train), ("setting", "value")),))


def _architecture(train: Facts) -> str:
    size = train.get("image_size", "?")
    weights = str(train.get("weights", ""))
    began = {"imagenet": "ImageNet weights", "none": "random weights"}.get(weights, "given weights")
    return (
        f"{train.get('model', 'MobileNetV3')}, width {train.get('alpha', '?')}, on {size}x{size} "
        f"pixels, trained from {began} with Keras 3."
    )


def _analysis(metrics: Facts) -> Iterable[Section]:
    if not metrics:
        return
    yield Section("Quantitative analysis", level=2)
    split = metrics.get("split", "test")
    tables = (
        (f"Figures on the held-out {split} split", overall_table(metrics)),
        ("By class", class_table(metrics)),
        ("By slice", slice_table(metrics)),
        ("Rules it passed or failed", rule_table(metrics)),
    )
    for title, (head, rows) in tables:
        if rows:
            yield Section(title, (Table(head, tuple(rows)),))


def _considerations(owner: CardConfig) -> Iterable[Section]:
    risks = tuple(f"{risk}: {measure}" for risk, measure in owner.ethical_considerations.items())
    yield Section("Considerations", level=2)
    yield Section("Intended users", (_said(owner.intended_users),))
    yield Section("Use cases", (_said(owner.intended_use),))
    yield Section("Out of scope", (_said(owner.out_of_scope),))
    yield Section("Limitations", (Bullets((*owner.limitations, *_KNOWN_LIMITS)),))
    yield Section("Tradeoffs", (_said(owner.tradeoffs),))
    yield Section("Ethical considerations", (_said(risks),))


def _said(items: Sequence[str]) -> Block:
    return Bullets(tuple(items)) if items else UNSAID


def _counts(dataset: Facts) -> Table:
    counts = dataset["counts"]
    names = dataset.get("class_names", ())
    rows = tuple((name, *(str(counts[split].get(name, 0)) for split in counts)) for name in names)
    return Table(("class", *counts), rows)


def _pairs(values: Facts, head: tuple[str, str]) -> Table:
    return Table(head, tuple((key, _text(value)) for key, value in values.items()))


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
