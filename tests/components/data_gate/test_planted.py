"""Dirt planted in real photos: all of it is reported, and nothing else stops a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.data_gate.check import check_photos
from components.data_gate.config import GateConfig
from components.data_gate.findings import Finding
from components.image_example_gen.config import IngestConfig
from components.image_example_gen.listing import list_images
from tests.components.data_gate.planted import named_files, plant
from tests.shared import shared_path


def _findings(root: Path) -> dict[str, Finding]:
    ingest = IngestConfig(root=str(root), stored_size=280)
    report = check_photos(list_images(str(root), ingest), ingest, GateConfig(), workers=2)
    return {finding.kind: finding for finding in report.findings}


def _assert_all_found_and_nothing_else(root: Path, *, train: int, test: int) -> None:
    planted = plant(shared_path("data/scenes"), root, train=train, test=test)
    found = _findings(root)
    assert planted.missing_from(found) == {}
    errors = {kind for kind, finding in found.items() if finding.level == "error"}
    assert errors == {"leakage", "label_conflicts"}
    for kind in ("leakage", "label_conflicts", "unreadable_files", "blank", "dark"):
        assert named_files(found[kind]) == planted.files[kind]
    assert "forest" in found["label_skew"].items[0].detail


def test_planted_dirt_in_a_few_photos(tmp_path: Path):
    _assert_all_found_and_nothing_else(tmp_path, train=60, test=30)


@pytest.mark.e2e
def test_planted_dirt_in_all_photos(tmp_path: Path):
    _assert_all_found_and_nothing_else(tmp_path, train=250, test=100)


@pytest.mark.e2e
def test_the_scenes_pass_with_only_their_own_near_duplicates():
    found = _findings(shared_path("data/scenes"))
    assert {kind: finding.level for kind, finding in found.items()} == {
        "near_leakage": "warn",
        "near_duplicates": "warn",
        "blurred": "warn",
    }
    assert [
        sorted(image.path for image in item.images) for item in found["near_leakage"].items
    ] == [
        ["test/forest/21126.jpg", "train/forest/2339.jpg"],
        ["test/sea/20212.jpg", "train/sea/1345.jpg"],
    ]
