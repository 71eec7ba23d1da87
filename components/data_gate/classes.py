"""Whether every class has images enough, in every split, and is one that the model in service knows.

findings = class_findings(counts, class_names, config, served_classes=("cat", "dog"))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.data_gate.config import GateConfig
from components.data_gate.findings import Item, Raw

Counts = Mapping[str, Mapping[str, int]]


def class_findings(
    counts: Counts,
    class_names: Sequence[str],
    config: GateConfig,
    served_classes: Sequence[str] | None = None,
) -> list[Raw]:
    """Findings about numbers of images.

    Args:
      counts: images per split and class.
      class_names: all classes, those without any image too.
      config: thresholds.
      served_classes: classes of the model in service; None where there is none.
    """
    total = {name: sum(of.get(name, 0) for of in counts.values()) for name in class_names}
    found = [
        _too_few(total, config.min_images_per_class),
        _imbalance(total, config.max_class_ratio),
        *_missing(counts, class_names),
        *_changed(class_names, served_classes),
    ]
    return [raw for raw in found if raw.count]


def _too_few(total: Mapping[str, int], least: int) -> Raw:
    items = [
        Item(subject=name, detail=f"{count:,} images, at least {least:,} wanted")
        for name, count in sorted(total.items(), key=lambda entry: entry[1])
        if count < least
    ]
    return Raw("too_few_images", items, len(items), len(total))


def _imbalance(total: Mapping[str, int], ratio: float) -> Raw:
    largest = max(total, key=lambda name: total[name], default="")
    items = [
        Item(subject=name, detail=f"{count:,} images, {largest} has {total[largest]:,}")
        for name, count in sorted(total.items(), key=lambda entry: entry[1])
        if count * ratio < total[largest]
    ]
    return Raw("class_imbalance", items, len(items), len(total))


def _missing(counts: Counts, class_names: Sequence[str]) -> list[Raw]:
    """A class without training images cannot be learned; one without others is not measured."""
    splits = [split for split in ("train", "val", "test") if counts.get(split)]
    missing = {s: [n for n in class_names if not counts[s].get(n)] for s in splits}
    train = [Item(subject=n, detail="no image in train") for n in missing.pop("train", [])]
    others = [Item(subject=n, detail=f"no image in {s}") for s in missing for n in missing[s]]
    rest = len({item.subject for item in others})
    return [
        Raw("class_not_in_train", train, len(train), len(class_names)),
        Raw("class_not_in_split", others, rest, len(class_names)),
    ]


def _changed(class_names: Sequence[str], served: Sequence[str] | None) -> list[Raw]:
    if served is None:
        return []
    new = [
        Item(subject=name, detail="the model in service does not know it")
        for name in class_names
        if name not in served
    ]
    gone = [
        Item(subject=name, detail="the model in service knows it")
        for name in served
        if name not in class_names
    ]
    return [
        Raw("new_class", new, len(new), len(class_names)),
        Raw("vanished_class", gone, len(gone), len(served)),
    ]
