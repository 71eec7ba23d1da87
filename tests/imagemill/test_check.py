"""`imagemill check` as a person meets it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate.scan import scan
from components.data_gate.schema_store import SchemaStore
from components.data_gate.table_statistics import table_statistics
from components.image_example_gen.config import IngestConfig
from components.image_example_gen.listing import list_images
from components.model_pusher.registry import Registry
from imagemill.cli import run_command
from tests.components.data_gate.world import hash_of, jpeg, photo
from trainer.features import DATASET_FILE, DatasetInfo

_PER_CLASS = 12


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of clean photos without splits."""
    root = tmp_path / "photos"
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for number in range(_PER_CLASS):
            (root / name / f"{number}.jpg").write_bytes(jpeg(photo(hash_of(name, number))))
    return root


@pytest.fixture
def dirty(photos: Path) -> Path:
    """The same with one photo in both classes, one copy in its class and one broken file."""
    shutil.copy(photos / "cat" / "0.jpg", photos / "dog" / "wrong.jpg")
    shutil.copy(photos / "cat" / "1.jpg", photos / "cat" / "copy.jpg")
    (photos / "dog" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no image")
    return photos


def _check(*args: object) -> int:
    return run_command(["check", *map(str, args)])


def test_clean_photos_pass(photos: Path, capsys):
    assert _check(photos) == 0
    out = capsys.readouterr().out
    assert "24 files, 24 images, 2 classes (folders)" in out
    assert "Passed" in out


def test_conflicting_labels_exit_with_3_and_say_what_to_do(dirty: Path, capsys):
    assert _check(dirty) == 3
    out = capsys.readouterr().out
    assert "ERROR  same image under two labels: 2 of 26 images (tolerated: 0)" in out
    assert "cat/0.jpg = dog/wrong.jpg" in out
    assert (
        "-> keep the copy in the right class, delete the others  [gate.policies.label_conflicts]"
        in out
    )
    assert "dog/broken.jpg" in out
    assert "Refused" in out


def test_a_policy_on_the_command_line(dirty: Path):
    assert (
        _check(
            dirty,
            "--set",
            "gate.policies.label_conflicts=warn",
            "--set",
            "gate.policies.unreadable_files=warn",
        )
        == 0
    )


def test_json_holds_every_file(dirty: Path, capsys):
    assert _check(dirty, "--json", "-") == 3
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == 26
    by_kind = {finding["kind"]: finding for finding in found["findings"]}
    assert by_kind.keys() == {"label_conflicts", "unreadable_files", "exact_duplicates"}
    groups = [
        [image["path"] for image in item["images"]] for item in by_kind["exact_duplicates"]["items"]
    ]
    assert groups == [["cat/0.jpg", "dog/wrong.jpg"], ["cat/1.jpg", "cat/copy.jpg"]]


def test_fix_list_says_what_to_do_with_each_file(dirty: Path, tmp_path: Path):
    _check(dirty, "--fix-list", tmp_path / "fix.csv", "--quiet")
    with (tmp_path / "fix.csv").open(newline="") as file:
        rows = {(row["path"], row["finding"]): row for row in csv.DictReader(file)}
    assert rows["cat/copy.jpg", "exact_duplicates"]["action"] == "delete"
    assert rows["cat/copy.jpg", "exact_duplicates"]["keep"] == "cat/1.jpg"
    assert rows["dog/broken.jpg", "unreadable_files"]["action"] == "replace"
    assert rows["dog/wrong.jpg", "label_conflicts"]["action"] == "review"
    # What is kept needs no row, and a conflict is listed as a conflict only.
    assert ("cat/1.jpg", "exact_duplicates") not in rows
    assert ("dog/wrong.jpg", "exact_duplicates") not in rows


def test_page_is_self_contained_and_escapes_names(dirty: Path, tmp_path: Path):
    (dirty / "cat" / "1.jpg").rename(dirty / "cat" / "<b>&'.jpg")
    page = tmp_path / "page.html"
    _check(dirty, "--html", page, "--quiet")
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") == 6
    assert "&lt;b&gt;&amp;" in text
    assert "<b>&'" not in text
    assert not re.search(r"(src|href)=.(?!data:)", text)


def test_leakage_between_given_splits(photos: Path, tmp_path: Path):
    root = tmp_path / "split"
    shutil.copytree(photos, root / "train")
    shutil.copytree(photos, root / "test")
    found = tmp_path / "found.json"
    assert _check(root, "--json", found, "--quiet") == 3
    kinds = {f["kind"]: f["count"] for f in json.loads(found.read_text())["findings"]}
    assert kinds == {"leakage": 24, "exact_duplicates": 24}


def test_nothing_there_is_a_usage_error(tmp_path: Path, capsys):
    assert _check(tmp_path / "nowhere") == 2
    assert "there is nothing at" in capsys.readouterr().err


def test_it_writes_nothing_into_the_photos_or_the_registry(
    photos: Path, tmp_path: Path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    _check(photos)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_page_that_cannot_be_written_is_a_usage_error(photos: Path, capsys):
    assert _check(photos, "--html", photos / "nowhere" / "page.html") == 2
    assert "nowhere/page.html: No such file or directory" in capsys.readouterr().err


def test_a_set_of_nothing_but_broken_files_is_refused(photos: Path, capsys):
    for file in photos.rglob("*.jpg"):
        file.write_bytes(b"no image")
    assert _check(photos) == 3
    assert "files that cannot be read: 24 of 24 files" in capsys.readouterr().out


def test_the_model_in_service_is_what_new_photos_are_compared_with(
    photos: Path, tmp_path: Path, capsys
):
    registry = tmp_path / "registry"
    _serve_model_of(photos, registry)
    for file in photos.rglob("*.jpg"):
        with Image.open(file) as image:
            ImageEnhance.Brightness(image).enhance(0.4).save(file)
    shutil.move(photos / "dog", photos / "wolf")
    assert _check(photos, "--registry", registry, "--name", "m") == 3
    out = capsys.readouterr().out
    assert "ERROR  classes of the model in service that are gone: 1 of 2 classes" in out
    assert "dog: the model in service knows it" in out
    assert "warn   classes unknown to the model in service: 1 of 2 classes" in out
    assert "train against the model in service: Jensen-Shannon" in out


def test_photos_must_fit_the_schema_that_the_registry_keeps(photos: Path, tmp_path: Path, capsys):
    registry = tmp_path / "registry"
    schema = schema_pb2.Schema()
    for name, high in (("stat/brightness", 1.0), ("stat/entropy", 8.0), ("image/height", 9.0)):
        feature = schema.feature.add(name=name, type=schema_pb2.FLOAT)
        feature.float_domain.CopyFrom(schema_pb2.FloatDomain(min=0, max=high))
    store = SchemaStore(str(registry), "m")
    store.accept(schema)
    found = tmp_path / "found.json"
    arguments = ("--registry", registry, "--name", "m", "--json", found)
    assert _check(photos, *arguments) == 3
    assert "stat/brightness: train: Out-of-range values" in capsys.readouterr().out
    report = json.loads(found.read_text())
    [finding] = [f for f in report["findings"] if f["kind"] == "schema_anomalies"]
    assert {item["subject"] for item in finding["items"]} >= {"stat/brightness"}
    assert not {item["subject"] for item in finding["items"]} & {"stat/entropy", "image/height"}
    assert [(summary["name"], summary["images"]) for summary in report["classes"]] == [
        ("cat", _PER_CLASS),
        ("dog", _PER_CLASS),
    ]
    assert store.numbers() == [1]
    assert store.proposed() is None, "a check changes nothing"


def _serve_model_of(photos: Path, registry: Path) -> None:
    """Pushes a model with the statistics of these photos."""
    config = IngestConfig(stored_size=64)
    listing = list_images(str(photos), config)
    table, _ = scan(listing, config)
    statistics = table_statistics(table)["train"].SerializeToString()
    info = DatasetInfo(class_names=listing.class_names, counts={}, data_version="v", stored_size=64)
    model = registry.parent / "model"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"model")
    record = {
        "statistics/Split-train/FeatureStats.pb": statistics,
        DATASET_FILE: info.model_dump_json().encode(),
    }
    Registry(str(registry), "m").push(str(model), record)
