"""Duplicates, classes, quality: from table rows to findings."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from PIL import Image, ImageEnhance

from components.data_gate.classes import class_findings
from components.data_gate.config import GateConfig, QualityConfig
from components.data_gate.dead_letters import dead_letter_findings
from components.data_gate.duplicates import duplicate_findings, exact_groups, near_groups
from components.data_gate.findings import ImageRef, Item, Raw
from components.data_gate.quality import quality_findings
from components.data_gate.text_table import item_text
from components.image_example_gen.dead_letter import DeadLetter
from tests.components.data_gate.world import Row, blurred, clean_rows, photo, row, table_of


def _duplicates(rows: Sequence[Row]) -> dict[str, Raw]:
    table = table_of(rows)
    return {
        raw.kind: raw for raw in duplicate_findings(table, exact_groups(table), near_groups(table))
    }


def _copy(of: Row, path: str, class_name: str | None = None, split: str | None = None) -> Row:
    return Row(path, class_name or of.class_name, split or of.split, of.encoded, of.image)


def _near(of: Row, path: str, class_name: str | None = None, split: str | None = None) -> Row:
    return row(of.image, path, class_name or of.class_name, split or of.split, quality=50)


def _paths(raw: Raw) -> list[list[str]]:
    return [[image.path for image in item.images] for item in raw.items]


def test_different_photos_are_no_duplicates():
    assert _duplicates(clean_rows()) == {}


def test_copies_in_one_class_and_split_count_the_surplus():
    rows = clean_rows()
    found = _duplicates([*rows, _copy(rows[0], "a.jpg"), _copy(rows[0], "b.jpg")])
    assert found.keys() == {"exact_duplicates"}
    assert found["exact_duplicates"].count == 2
    assert _paths(found["exact_duplicates"]) == [["a.jpg", "b.jpg", "train/cat/0.jpg"]]


def test_leakage_counts_images_outside_train_and_shows_train_first():
    rows = clean_rows()
    found = _duplicates(
        [*rows, _copy(rows[0], "a.jpg", split="test"), _copy(rows[0], "b.jpg", split="val")]
    )
    assert found.keys() == {"leakage", "exact_duplicates"}
    assert (found["leakage"].count, found["leakage"].total) == (2, 34)
    assert _paths(found["leakage"]) == [["train/cat/0.jpg", "a.jpg", "b.jpg"]]


def test_leakage_between_val_and_test():
    rows = clean_rows()
    val = next(each for each in rows if each.split == "val")
    found = _duplicates([*rows, _copy(val, "a.jpg", split="test")])
    assert found["leakage"].count == 1


def test_a_group_may_be_leakage_and_conflict_at_once():
    rows = clean_rows()
    found = _duplicates([*rows, _copy(rows[0], "a.jpg", "dog", "test")])
    assert found.keys() == {"leakage", "label_conflicts", "exact_duplicates"}
    assert found["label_conflicts"].count == 2


def test_near_copies_are_told_from_exact_ones():
    rows = clean_rows()
    found = _duplicates(
        [
            *rows,
            _near(rows[0], "a.jpg"),
            _near(rows[1], "b.jpg", split="test"),
            _near(rows[2], "c.jpg", "dog"),
        ]
    )
    assert {kind: raw.count for kind, raw in found.items()} == {
        "near_duplicates": 3,
        "near_leakage": 1,
        "near_label_conflicts": 2,
    }


def test_an_exact_copy_of_a_near_copy_is_in_the_near_group_too():
    rows = clean_rows()
    near = _near(rows[0], "near.jpg")
    found = _duplicates([*rows, near, _copy(near, "leak.jpg", split="test")])
    assert _paths(found["leakage"]) == [["near.jpg", "leak.jpg"]]
    assert _paths(found["near_leakage"]) == [["near.jpg", "train/cat/0.jpg", "leak.jpg"]]


def test_without_splits_nothing_leaks():
    rows = [Row(r.path, r.class_name, "", r.encoded, r.image) for r in clean_rows()]
    assert _duplicates([*rows, _copy(rows[0], "a.jpg")]).keys() == {"exact_duplicates"}


_COUNTS = {"train": {"a": 40, "b": 10, "c": 1}, "val": {"a": 4, "b": 1}, "test": {"a": 4, "b": 1}}


def _classes(**kwargs: object) -> dict[str, list[str]]:
    config = GateConfig(min_images_per_class=5, max_class_ratio=4)
    raws = class_findings(_COUNTS, ("a", "b", "c", "d"), config, **kwargs)  # type: ignore[arg-type]
    return {raw.kind: sorted({item.subject for item in raw.items}) for raw in raws}


def test_class_sizes():
    assert _classes() == {
        "too_few_images": ["c", "d"],
        "class_imbalance": ["c", "d"],
        "class_not_in_train": ["d"],
        "class_not_in_split": ["c", "d"],
    }


def test_at_the_limit_is_no_finding():
    config = GateConfig(min_images_per_class=12, max_class_ratio=4)
    assert class_findings({"train": {"a": 48, "b": 12}}, ("a", "b"), config) == []


def test_new_and_vanished_classes():
    found = _classes(served_classes=("a", "b", "c", "x"))
    assert found["new_class"] == ["d"]
    assert found["vanished_class"] == ["x"]


def test_dead_letters_say_the_reason():
    letters = [
        DeadLetter("b.jpg", "truncated", "12 bytes missing", "cat"),
        DeadLetter("a", "empty_file", "no bytes"),
    ]
    [raw] = dead_letter_findings(letters, files=50)
    assert (raw.count, raw.total) == (2, 50)
    assert raw.items[0].subject == "a"
    assert "12 bytes missing" in raw.items[1].detail
    assert dead_letter_findings([], files=50) == []


def _quality(extra: dict[str, Image.Image]) -> dict[str, list[str]]:
    rows = [*clean_rows(), *(row(image, name, "cat") for name, image in extra.items())]
    found = quality_findings(table_of(rows), QualityConfig())
    return {raw.kind: sorted(item.subject for item in raw.items) for raw in found}


def test_clean_photos_have_no_quality_findings():
    assert _quality({}) == {}


@pytest.mark.parametrize(
    ("kind", "image"),
    [
        ("blurred", blurred(photo(1), 5)),
        ("dark", ImageEnhance.Brightness(photo(2)).enhance(0.2)),
        ("over_exposed", ImageEnhance.Brightness(photo(3)).enhance(5)),
        ("blank", Image.new("RGB", (90, 70), (200, 210, 220))),
        ("tiny", photo(4, (20, 16))),
        ("odd_aspect", photo(5, (400, 60))),
    ],
)
def test_one_bad_image_gives_one_finding(kind, image):
    assert _quality({"bad.jpg": image}) == {kind: ["bad.jpg"]}


def test_what_all_images_are_like_is_no_finding():
    rows = [row(photo(seed, (20, 16)), f"{seed}.jpg", "cat") for seed in range(12)]
    assert quality_findings(table_of(rows), QualityConfig()) == []


def test_a_hostile_file_name_cannot_write_to_the_terminal():
    item = Item(subject="x", detail="d", images=(ImageRef(path="a\x1b[2J\nb\u00e9.jpg"),))
    assert item_text(item) == "a\\x1b[2J\\nb\u00e9.jpg: d"
