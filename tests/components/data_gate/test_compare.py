"""Drift and skew by TFDV's comparators, and what is done about chance and constants."""

from __future__ import annotations

import numpy as np
import pytest

from components.data_gate.anomalies import Statistics
from components.data_gate.compare import (
    class_drift_findings,
    differences,
    drift_findings,
    skew_findings,
)
from components.data_gate.config import DriftConfig
from components.data_gate.image_table import ImageTable
from components.data_gate.table_statistics import table_statistics
from components.image_example_gen.measures import NAMES
from trainer.features import CLASS_NAME


def _table(
    count: int,
    split: str = "train",
    seed: int = 0,
    shares: tuple[float, ...] = (0.5, 0.5),
    **moved: float,
) -> ImageTable:
    rng = np.random.default_rng(seed)
    stats = {name: rng.normal(100 + moved.get(name, 0), 10, count) for name in NAMES}
    stats["aspect_ratio"] = np.where(np.arange(count) < moved.get("odd", 0), 1.3, 1.0)
    names = ["cat", "dog", "cow"][: len(shares)]
    return ImageTable(
        paths=[f"{split}/{number}.jpg" for number in range(count)],
        class_names=rng.choice(names, count, p=shares).tolist(),
        splits=[split] * count,
        sha256=[""] * count,
        phash=np.zeros(count, np.int64),
        thumbnails=[b""] * count,
        stats=stats,
    )


def _statistics(*tables: ImageTable):
    return {split: found for table in tables for split, found in table_statistics(table).items()}


def _subjects(raws) -> dict[str, list[str]]:
    return {raw.kind: [item.subject for item in raw.items] for raw in raws}


@pytest.mark.parametrize("count", [10, 40, 200])
def test_chance_is_no_finding(count: int):
    for seed in range(3):
        statistics = _statistics(_table(300, seed=seed), _table(count, "test", seed=seed + 50))
        assert _subjects(skew_findings(statistics, DriftConfig())) == {}


def test_a_moved_measure_is_found_with_its_medians():
    statistics = _statistics(_table(400), _table(400, "test", seed=1, brightness=15))
    [raw] = skew_findings(statistics, DriftConfig())
    assert (raw.kind, raw.count, raw.total) == ("feature_skew", 1, len(NAMES))
    assert raw.items[0].subject == "brightness"
    assert raw.items[0].detail.startswith("test against train: Jensen-Shannon 0.")


def test_a_shifted_class_is_named():
    statistics = _statistics(_table(400), _table(400, "test", seed=1, shares=(0.8, 0.2)))
    [raw] = skew_findings(statistics, DriftConfig())
    assert raw.kind == "label_skew"
    assert "dog" in raw.items[0].detail or "cat" in raw.items[0].detail


def test_a_few_exceptions_to_a_constant_are_no_drift():
    statistics = _statistics(_table(400, odd=6), _table(300, "test", seed=1))
    assert _subjects(skew_findings(statistics, DriftConfig())) == {}


def test_a_constant_that_changed_is_drift():
    before, after = _table(300), _table(300)
    after.stats["aspect_ratio"][:] = 1.5  # type: ignore[index]
    raws = drift_findings(_statistics(after), _statistics(before), DriftConfig())
    assert _subjects(raws) == {"feature_drift": ["aspect_ratio"]}


def test_distances_are_reported_below_the_limit_too():
    base, other = (_statistics(_table(300, seed=seed))["train"] for seed in (0, 1))
    found = {each.feature: each for each in differences(base, other, DriftConfig())}
    assert not any(each.is_finding for each in found.values())
    assert 0 < found["stat/contrast"].value < 0.1
    assert CLASS_NAME in found
    assert "stat/aspect_ratio" not in found


def test_drift_compares_split_with_split():
    before = _statistics(_table(400), _table(400, "test", seed=2))
    after = _statistics(_table(400, seed=3), _table(400, "test", seed=4, sharpness=-15))
    [raw] = drift_findings(after, before, DriftConfig())
    assert raw.kind == "feature_drift"
    assert "test against the model in service" in raw.items[0].detail
    assert drift_findings(after, {}, DriftConfig()) == []


def _sliced(*tables: tuple[str, ImageTable]) -> Statistics:
    """As StatisticsGen makes them: all examples, then a slice a class."""
    together = Statistics()
    for name, table in [("All Examples", tables[0][1]), *tables]:
        [dataset] = table_statistics(table)["train"].datasets
        dataset.name = name if name == "All Examples" else f"{CLASS_NAME}_{name}"
        together.datasets.append(dataset)
    return together


def test_a_class_filled_from_another_source_is_named():
    before = _sliced(("cat", _table(200)), ("dog", _table(200, seed=1)))
    after = _sliced(("cat", _table(200, seed=2)), ("dog", _table(200, seed=3, saturation=20)))
    [raw] = class_drift_findings({"train": after}, {"train": before}, DriftConfig())
    assert (raw.kind, raw.count, raw.total) == ("class_drift", 1, 2)
    assert raw.items[0].subject == "dog"
    assert raw.items[0].detail.startswith("saturation: Jensen-Shannon 0.")


def test_a_new_class_has_nothing_to_be_compared_with():
    before = _sliced(("cat", _table(200)))
    after = _sliced(("cat", _table(200, seed=2)), ("dog", _table(200, seed=3, saturation=20)))
    assert class_drift_findings({"train": after}, {"train": before}, DriftConfig()) == []
    assert class_drift_findings({"train": after}, {}, DriftConfig()) == []
