"""`imagemill check` and the gate of a run look at the same rows."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from components.data_gate.dead_letters import read_dead_letters
from components.data_gate.records import read_table
from components.data_gate.scan import scan
from components.image_example_gen.config import IngestConfig
from components.image_example_gen.listing import list_images
from tests.components.data_gate.world import clean_rows
from tests.components.image_example_gen.running import ingest

_CONFIG = IngestConfig(stored_size=64, block_size=8, max_corrupt_share=0.5)


def _write(root: Path) -> None:
    for each in clean_rows():
        file = root / each.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(each.encoded)
    shutil.copy(root / "train/cat/0.jpg", root / "test/dog/copy.jpg")
    (root / "train/cat/broken.jpg").write_bytes(b"\xff\xd8\xff")


def test_a_scan_sees_what_ingest_stores(tmp_path: Path):
    root, output = tmp_path / "photos", tmp_path / "output"
    _write(root)
    ingest(root, output, _CONFIG)
    stored = read_table(str(output / "examples" / "1"))
    seen, letters = scan(list_images(str(root), _CONFIG), _CONFIG, workers=2)
    assert letters == read_dead_letters(str(output / "dead" / "1"))
    assert [letter.path for letter in letters] == ["train/cat/broken.jpg"]
    order = np.argsort(stored.paths)
    assert [stored.paths[row] for row in order] == list(seen.paths)
    for column in ("class_names", "splits", "sha256", "thumbnails"):
        assert [getattr(stored, column)[row] for row in order] == list(getattr(seen, column))
    assert stored.phash[order].tolist() == seen.phash.tolist()
    assert stored.stats.keys() == seen.stats.keys()
    for name, values in seen.stats.items():
        np.testing.assert_allclose(stored.stats[name][order], values, rtol=1e-6)


def test_workers_do_not_change_the_result(tmp_path: Path):
    _write(tmp_path)
    listing = list_images(str(tmp_path), _CONFIG)
    one, two = (scan(listing, _CONFIG, workers=workers) for workers in (1, 2))
    assert one[1] == two[1]
    assert one[0].paths == two[0].paths
    assert one[0].sha256 == two[0].sha256
