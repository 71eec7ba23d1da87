from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.listing import list_images
from trainer.errors import UserError

CONFIG = IngestConfig()


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    return root


def test_classes_files_and_strays(tmp_path: Path) -> None:
    root = touch(
        tmp_path, "b/2.jpg", "a/1.jpg", "a/deep/3", "README.md", ".hidden/x.jpg", "a/.DS_Store"
    )
    listing = list_images(str(root), CONFIG)
    assert [(file.name, file.class_name, file.split) for file in listing.files] == [
        ("a/1.jpg", "a", ""),
        ("a/deep/3", "a", ""),
        ("b/2.jpg", "b", ""),
    ]
    assert [(letter.path, letter.reason) for letter in listing.rejected] == [
        ("README.md", "no_class")
    ]
    assert (listing.found, listing.ignored, listing.class_names) == (4, 2, ("a", "b"))


def test_split_folders_give_splits(tmp_path: Path) -> None:
    root = touch(tmp_path, "train/a/1", "train/b/1", "validation/a/2", "test/b/3")
    listing = list_images(str(root), CONFIG)
    assert listing.layout == "split_folders"
    assert [file.split for file in listing.files] == ["test", "train", "train", "val"]


@pytest.mark.parametrize(
    "name", ["new\nline", "quote'\"", "star*[a]?", "%20 &{{x}}", "-rf", "ünï 漢字 🐈", "a\udcffb"]
)
def test_hostile_names_are_listed_and_can_be_written_down(tmp_path: Path, name: str) -> None:
    root = touch(tmp_path, f"{name}/{name}.jpg", "other/1.jpg")
    listing = list_images(str(root), CONFIG)
    assert len(listing.files) == 2
    for file in listing.files:
        assert Path(file.path).is_file()
        assert json.dumps([file.name, file.class_name]).isascii()
        file.name.encode("utf-8")


def test_a_root_with_pattern_characters_is_no_pattern(tmp_path: Path) -> None:
    touch(tmp_path, "x[1]*/a/1", "x[1]*/b/1", "x1/c/1")
    assert list_images(str(tmp_path / "x[1]*"), CONFIG).class_names == ("a", "b")


def test_links_are_followed_once_and_never_upwards(tmp_path: Path) -> None:
    root = touch(tmp_path, "outside/1.jpg", "root/a/1.jpg", "root/b/2.jpg") / "root"
    (root / "a" / "self").symlink_to(root / "a")
    (root / "a" / "up").symlink_to(tmp_path)
    (root / "b" / "top").symlink_to("/")
    (root / "c").symlink_to(tmp_path / "outside")
    (root / "d").symlink_to(tmp_path / "outside")
    (root / "b" / "gone.jpg").symlink_to(tmp_path / "missing")
    listing = list_images(str(root), CONFIG)
    assert [file.name for file in listing.files] == ["a/1.jpg", "b/2.jpg", "b/gone.jpg", "c/1.jpg"]


def test_pipes_and_sockets_are_no_files(tmp_path: Path) -> None:
    root = touch(tmp_path, "a/1", "b/1")
    os.mkfifo(root / "a" / "pipe")
    assert list_images(str(root), CONFIG).found == 2


def test_class_twins_in_two_normal_forms_become_one_class_and_no_file_is_lost(
    tmp_path: Path,
) -> None:
    names = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    root = touch(tmp_path, *(f"{name}/1.jpg" for name in names), "tea/1.jpg")
    listing = list_images(str(root), CONFIG)
    assert listing.class_names == ("café", "tea")
    assert len({file.name for file in listing.files}) == 3


def test_the_fingerprint_changes_with_names_sizes_times_and_labels_only(tmp_path: Path) -> None:
    root = touch(tmp_path, "a/1", "b/1")
    first = list_images(str(root), CONFIG).fingerprint()
    assert list_images(str(root), CONFIG).fingerprint() == first
    os.utime(root / "a" / "1", ns=(1, 1))
    second = list_images(str(root), CONFIG).fingerprint()
    (root / "a" / "1").rename(root / "a" / "2")
    third = list_images(str(root), CONFIG).fingerprint()
    touch(root, "a/3")
    assert len({first, second, third, list_images(str(root), CONFIG).fingerprint()}) == 4


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "found no images"),
        (["1.jpg", "2.jpg"], "none of them in a class folder"),
        (["a/1.jpg"], "found 1 class"),
    ],
)
def test_input_that_cannot_be_used_is_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        list_images(str(touch(tmp_path, *names)), CONFIG)


def test_a_missing_root_a_file_as_root_and_no_root_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "photo.jpg")
    for root, message in [
        (str(tmp_path / "gone"), "there is nothing at"),
        (str(tmp_path / "photo.jpg"), "not a folder"),
        ("", "no folder of images was given"),
        (str(tmp_path / "gone.csv"), "there is nothing at"),
    ]:
        with pytest.raises(UserError, match=message):
            list_images(root, CONFIG)


def test_a_csv_manifest_names_files_labels_splits_and_columns(tmp_path: Path) -> None:
    touch(tmp_path, "x/1.jpg", "2.jpg")
    (tmp_path / "list.csv").write_text(
        "path,label,split,camera,iso,gain\nx/1.jpg,cat,train,phone,100,1\n2.jpg,dog,,,200,0.5\n",
        encoding="utf-8",
    )
    listing = list_images(str(tmp_path / "list.csv"), CONFIG)
    assert [(file.name, file.class_name, file.split, file.size) for file in listing.files] == [
        ("2.jpg", "dog", "", 5),
        ("x/1.jpg", "cat", "train", 7),
    ]
    assert [dict(file.columns) for file in listing.files] == [
        {"iso": 200, "gain": 0.5},
        {"camera": "phone", "iso": 100, "gain": 1.0},
    ]


def test_a_jsonl_manifest_in_the_folder_is_found(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "2.jpg")
    rows = [{"path": "1.jpg", "label": "a", "ok": True}, {"path": "2.jpg", "label": 7, "ok": None}]
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    listing = list_images(str(tmp_path), CONFIG)
    assert listing.layout == "manifest"
    assert [(file.class_name, dict(file.columns)) for file in listing.files] == [
        ("a", {"ok": 1}),
        ("7", {}),
    ]


def test_rows_that_cannot_be_used_become_dead_letters(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "2.jpg")
    rows = "path,label,split\n1.jpg,a,\n2.jpg,b,\n1.jpg,b,\n3.jpg,,\n4.jpg,a,holdout\n,a,\n"
    (tmp_path / "m.csv").write_text(rows, encoding="utf-8")
    listing = list_images(str(tmp_path / "m.csv"), CONFIG)
    assert [letter.reason for letter in listing.rejected] == [
        "duplicate_path",
        "no_class",
        "bad_split",
        "unreadable",
    ]
    assert listing.found == 6


def test_a_manifest_finds_names_in_the_other_normal_form(tmp_path: Path) -> None:
    touch(tmp_path, unicodedata.normalize("NFD", "é.jpg"), "2.jpg")
    (tmp_path / "m.csv").write_text("path,label\né.jpg,a\n2.jpg,b\n", encoding="utf-8")
    assert all(file.size for file in list_images(str(tmp_path / "m.csv"), CONFIG).files)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\n1,a\n", "has no column 'path'"),
        ("path,label\n1,a,b\n", "line 2"),
        ("path,label\n1\n", "line 2"),
        ('path,label\n"1,a\n', "not CSV"),
    ],
)
def test_a_broken_table_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        list_images(str(tmp_path / "m.csv"), CONFIG)


def test_a_broken_json_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"path": "1", "label": "a"}\n{oops\n', encoding="utf-8")
    with pytest.raises(UserError, match="line 2"):
        list_images(str(tmp_path / "m.jsonl"), CONFIG)
