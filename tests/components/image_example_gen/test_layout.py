from __future__ import annotations

import unicodedata

import pytest

from components.image_example_gen.layout import (
    Place,
    clean_label,
    detect_layout,
    is_ignored,
    place,
    split_of,
)


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (["cats/1.jpg", "dogs/2.jpg"], "folders"),
        (["train/cats/1.jpg", "test/cats/2.jpg"], "split_folders"),
        (["Train/cats/1.jpg", "Validation/cats/2.jpg", "README.md"], "split_folders"),
        (["train/cats/1.jpg"], "split_folders"),
        # Vehicles: a class may be called train.
        (["train/1.jpg", "plane/2.jpg"], "folders"),
        (["train/old/1.jpg", "plane/2.jpg"], "folders"),
        (["val/cats/1.jpg", "test/cats/2.jpg"], "folders"),
    ],
)
def test_the_layout_is_told_from_the_top_folders(names: list[str], layout: str) -> None:
    assert detect_layout(names) == layout


@pytest.mark.parametrize(
    ("name", "layout", "expected"),
    [
        ("cats/1.jpg", "folders", Place("cats", "")),
        ("cats/2024/may/1.jpg", "folders", Place("cats", "")),
        ("1.jpg", "folders", Place("", "")),
        ("valid/cats/deep/1.jpg", "split_folders", Place("cats", "val")),
        ("train/1.jpg", "split_folders", Place("", "train")),
    ],
)
def test_folders_say_class_and_split(name: str, layout: str, expected: Place) -> None:
    assert place(name, layout) == expected


@pytest.mark.parametrize(
    "name", [".DS_Store", "cats/._1.jpg", ".git/x", "a/Thumbs.db", "__MACOSX/a/1.jpg"]
)
def test_hidden_files_and_litter_are_ignored(name: str) -> None:
    assert is_ignored(name)


def test_twins_in_two_normal_forms_are_one_class() -> None:
    assert clean_label(unicodedata.normalize("NFD", "café")) == clean_label("café") == "café"


def test_bytes_that_are_no_utf8_stay_readable() -> None:
    assert clean_label("a\udcff") == "a\\xff"


def test_a_class_name_is_one_line_and_no_command_to_a_terminal() -> None:
    assert clean_label("new\nline\u2028\x1b[2J") == "new\\nline\\u2028\\x1b[2J"
    assert clean_label("family 👨‍👩‍👧") == "family 👨‍👩‍👧"


def test_a_split_has_many_spellings() -> None:
    assert [split_of(text) for text in (" Validation ", "VALID", "training", "dev")] == [
        "val",
        "val",
        "train",
        "",
    ]
