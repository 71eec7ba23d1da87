from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from components.image_example_gen.config import IngestConfig, SplitFractions
from components.image_example_gen.ingest import REPORT_FILE
from tests.components.image_example_gen.images import encode, make_classes, picture
from tests.components.image_example_gen.running import (
    dead_letters,
    digests,
    ingest,
    read_examples,
    splits_of,
)
from tests.repo import ROOT
from trainer.errors import ExitCode, UserError
from trainer.features import DatasetInfo

CONFIG = IngestConfig(block_size=8)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_classes(tmp_path_factory.mktemp("photos"), {"cats": 40, "dogs": 30})


def test_every_file_becomes_one_example_with_all_its_features(photos: Path, tmp_path: Path) -> None:
    info = ingest(photos, tmp_path, CONFIG)
    examples = list(read_examples(tmp_path))
    assert len(examples) == 70
    assert {features["image/path"] for _, features in examples} == {
        str(path.relative_to(photos)).encode() for path in photos.rglob("*.jpeg")
    }
    for _, features in examples:
        assert features["image/class/label"] == (features["image/class/text"] == b"dogs")
        image = Image.open(io.BytesIO(features["image/encoded"]))
        assert (image.width, image.height) == (features["image/width"], features["image/height"])
        assert image.format == features["image/format"].decode()
        assert features["image/path"].startswith(features["image/class/text"])
    assert (
        DatasetInfo.model_validate_json((tmp_path / "examples/1/dataset.json").read_bytes()) == info
    )
    assert Counter(split for split, _ in examples) == {
        s: info.split_size(s) for s in ("train", "val", "test")
    }


def test_records_are_shuffled_and_shards_bounded(photos: Path, tmp_path: Path) -> None:
    ingest(photos, tmp_path, CONFIG.model_copy(update={"shard_mb": 0.02, "min_shards": 1}))
    classes = [
        features["image/class/label"]
        for split, features in read_examples(tmp_path)
        if split == "train"
    ]
    assert classes != sorted(classes)
    assert len(list((tmp_path / "examples/1/Split-train").iterdir())) > 5


@pytest.mark.parametrize(
    "workers", [["--direct_running_mode=multi_threading", "--direct_num_workers=3"]]
)
def test_two_runs_write_the_same_bytes_and_leave_nothing_else(
    photos: Path, tmp_path: Path, workers: list[str]
) -> None:
    other_blocks = CONFIG.model_copy(update={"block_size": 5})
    ingest(photos, tmp_path / "a", CONFIG)
    ingest(photos, tmp_path / "b", other_blocks, beam_args=["--runner=FnApiRunner", *workers])
    found = digests(tmp_path / "a")
    assert found == digests(tmp_path / "b")
    assert {name.split("/")[2].split("-")[0] for name in found} == {
        "Split",
        "dataset.json",
        "dead_letters.jsonl",
        "ingest.json",
    }


def test_every_failure_is_a_dead_letter_and_totals_agree(photos: Path, tmp_path: Path) -> None:
    root = make_classes(tmp_path / "in", {"a": 10, "b": 10})
    good = encode(picture(99), "PNG")
    (root / "a" / "empty.jpg").write_bytes(b"")
    (root / "a" / "text.jpg").write_bytes(b"not an image")
    (root / "b" / "half.png").write_bytes(good[: len(good) // 2])
    (root / "b" / "wide.png").write_bytes(encode(Image.new("L", (3000, 3000)), "PNG"))
    (root / "b" / "gone.png").symlink_to(tmp_path / "nowhere")
    (root / "notes.txt").write_text("hello", encoding="utf-8")
    config = IngestConfig(max_corrupt_share=0.5, max_pixels=1_000_000)
    info = ingest(root, tmp_path / "out", config)
    letters = dead_letters(tmp_path / "out")
    assert {letter.path: letter.reason for letter in letters} == {
        "a/empty.jpg": "empty_file",
        "a/text.jpg": "not_an_image",
        "b/gone.png": "unreadable",
        "b/half.png": "truncated",
        "b/wide.png": "too_many_pixels",
        "notes.txt": "no_class",
    }
    assert all(letter.detail for letter in letters)
    report = json.loads((tmp_path / "out/dead/1" / REPORT_FILE).read_text(encoding="utf-8"))
    assert report["examples"] + report["dead_letters"] == report["files"] == 26
    assert info.dead_letters == 6


def test_too_many_corrupt_files_stop_the_run_and_the_letters_stay(tmp_path: Path) -> None:
    root = make_classes(tmp_path / "in", {"a": 9, "b": 9})
    for number in range(2):
        (root / "a" / f"bad{number}.jpg").write_bytes(b"junk")
    with pytest.raises(
        UserError, match=r"2 of 20 files \(10.0%\).*a/bad0.jpg \(not_an_image"
    ) as caught:
        ingest(root, tmp_path / "out", CONFIG)
    assert caught.value.code == ExitCode.DATA_REFUSED
    assert len(dead_letters(tmp_path / "out")) == 2
    assert not (tmp_path / "out/examples/1/dataset.json").exists()
    assert not list(tmp_path.rglob(".staging-*"))


def test_a_class_without_a_readable_image_stops_the_run(tmp_path: Path) -> None:
    root = make_classes(tmp_path / "in", {"a": 40, "b": 0, "c": 40})
    (root / "b" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(UserError, match="class 'b' has 0 readable images"):
        ingest(root, tmp_path / "out", CONFIG)


def test_two_images_are_too_few(tmp_path: Path) -> None:
    root = make_classes(tmp_path / "in", {"a": 1, "b": 1})
    with pytest.raises(UserError, match="2 images are too few"):
        ingest(root, tmp_path / "out", CONFIG, registry=str(tmp_path / "registry"))


@pytest.mark.parametrize("registry", ["", "registry"])
def test_ten_percent_more_images_move_none(photos: Path, tmp_path: Path, registry: str) -> None:
    root = make_classes(tmp_path / "in", {"a": 60, "b": 40})
    memory = str(tmp_path / registry) if registry else ""
    ingest(root, tmp_path / "before", CONFIG, registry=memory)
    make_classes(root, {"a": 6, "b": 4}, start=500)
    ingest(root, tmp_path / "after", CONFIG, registry=memory)
    before, after = splits_of(tmp_path / "before"), splits_of(tmp_path / "after")
    assert len(after) == 110
    assert before.items() <= after.items()


def test_given_splits_are_kept(tmp_path: Path) -> None:
    for split, start in (("train", 0), ("valid", 100), ("test", 200)):
        make_classes(tmp_path / "in" / split, {"a": 6, "b": 6}, start=start)
    ingest(tmp_path / "in", tmp_path / "out", CONFIG)
    for path, split in splits_of(tmp_path / "out").items():
        assert path.split("/")[0].removesuffix("id") == split


def test_manifest_columns_become_features(photos: Path, tmp_path: Path) -> None:
    rows = ["path,label,iso,gain,camera"]
    rows += [
        f"{path},{path.parent.name},{at},0.5,phone"
        for at, path in enumerate(sorted(photos.rglob("*.jpeg")))
    ]
    (tmp_path / "m.csv").write_text("\n".join(rows), encoding="utf-8")
    info = ingest(tmp_path / "m.csv", tmp_path / "out", CONFIG)
    assert info.columns == {"camera": "text", "gain": "float", "iso": "int"}
    found = [features for _, features in read_examples(tmp_path / "out")]
    assert sorted(features["column/iso"] for features in found) == list(range(70))
    assert {(features["column/gain"], features["column/camera"]) for features in found} == {
        (0.5, b"phone")
    }


_KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from components.image_example_gen.config import IngestConfig, SplitFractions
from tests.components.image_example_gen.running import ingest
ingest(Path(sys.argv[2]), Path(sys.argv[3]), IngestConfig(block_size=4), registry=sys.argv[4])
"""


@pytest.mark.parametrize("stage", ["block-000003.index", "*.done"])
def test_a_killed_run_leaves_nothing_and_the_next_writes_the_same(
    photos: Path, tmp_path: Path, stage: str
) -> None:
    output, registry = tmp_path / "out", tmp_path / "registry"
    command = [sys.executable, "-c", _KILLED, str(ROOT), str(photos), str(output), str(registry)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(output.glob(f"examples/1/.staging-*/**/{stage}")):
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    (output / "examples" / "1").rename(output / "examples" / "0")
    ingest(photos, output, CONFIG, registry=str(registry))
    ingest(photos, tmp_path / "clean", CONFIG, registry=str(tmp_path / "registry2"))
    assert digests(output) == digests(tmp_path / "clean")
    assert digests(registry) == digests(tmp_path / "registry2")


def test_copies_of_test_images_that_come_later_never_enter_training(tmp_path: Path) -> None:
    """Months of growing data: re-encoded and resized copies of what is tested on, other fractions, moved folders."""
    root, registry = make_classes(tmp_path / "in", {"a": 40, "b": 40}), str(tmp_path / "registry")
    info = ingest(root, tmp_path / "1", CONFIG, registry=registry)
    tested = {path for path, split in splits_of(tmp_path / "1").items() if split == "test"}
    assert len(tested) >= 6
    assert ingest(root, tmp_path / "again", CONFIG, registry=registry).test_set == info.test_set

    make_classes(root, {"a": 20, "b": 20}, start=500)
    for path in tested:
        small = Image.open(root / path).resize((40, 40))
        small.save((root / path).with_suffix(".copy.jpg"), quality=60)
    ingest(root, tmp_path / "2", CONFIG, registry=registry)
    other = IngestConfig(seed=7, splits=SplitFractions(train=0.6, val=0.3, test=0.1))
    ingest(root, tmp_path / "3", other, registry=registry)
    for month in ("2", "3"):
        splits = splits_of(tmp_path / month)
        copies = {path.replace(".jpeg", ".copy.jpg") for path in tested}
        assert {splits[path] for path in tested | copies} == {"test"}

    for name in ("train", "val", "test"):
        make_classes(tmp_path / "given" / name, {"a": 1, "b": 1}, start=900 + ord(name[0]))
    for name in ("a", "b"):
        shutil.copytree(root / name, tmp_path / "given" / "train" / name, dirs_exist_ok=True)
    ingest(tmp_path / "given", tmp_path / "4", other, registry=registry)
    splits = splits_of(tmp_path / "4")
    assert {splits[f"train/{path}"] for path in tested} == {"test"}
    report = json.loads((tmp_path / "4" / "dead" / "1" / REPORT_FILE).read_text())
    assert {f"train/{path}" for path in tested} <= {image["path"] for image in report["moved"]}
