"""Histograms and samples by hand."""

from __future__ import annotations

import numpy as np

from components.data_gate.image_table import ImageTable
from components.report.measures import histograms, sample_paths


def table(stats: dict, count: int = 4) -> ImageTable:
    return ImageTable(
        paths=[f"{i}.jpg" for i in range(count)],
        class_names=["a", "b"] * (count // 2),
        splits=["train"] * (count - 1) + ["test"],
        sha256=[""] * count,
        phash=np.zeros(count, np.int64),
        thumbnails=[b""] * count,
        stats={name: np.array(values, np.float64) for name, values in stats.items()},
    )


def test_every_image_is_counted_once_and_the_unmeasured_not_at_all():
    [found] = histograms(table({"brightness": [1, 2, 3, np.nan]}))
    assert found.name == "brightness"
    assert sum(found.counts) == 3
    assert found.median == 2
    assert len(found.edges) == len(found.counts) + 1


def test_what_is_equal_for_all_is_not_drawn():
    assert histograms(table({"contrast": [5, 5, 5, 5], "saturation": [np.nan] * 4})) == ()


def test_what_is_equal_for_all_but_a_few_is_not_drawn():
    assert histograms(table({"aspect_ratio": [1.0] * 998 + [1.0067] * 2}, count=1000)) == ()


def test_an_outlier_does_not_flatten_the_rest():
    values = [*range(998), 10**9, 10**9]
    [found] = histograms(table({"sharpness": values}, count=1000))
    assert found.edges[-1] < 1000
    assert sum(found.counts) == 1000


def test_samples_are_of_train_and_spread():
    chosen = sample_paths(table({}, count=10), ["a", "b"], per_class=2)
    assert chosen == {"a": ["0.jpg", "4.jpg"], "b": ["1.jpg", "5.jpg"]}
    assert sample_paths(table({}), ["a"], per_class=0) == {"a": []}
