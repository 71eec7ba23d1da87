"""Input, output and registry on a file system that only Beam reaches."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pytest

from components.image_example_gen import paths
from components.image_example_gen.config import IngestConfig
from components.image_example_gen.ingest import Ingest
from components.image_example_gen.listing import list_images
from tests.components.image_example_gen.fake_files import FakeFiles, download, upload
from tests.components.image_example_gen.images import make_classes
from tests.components.image_example_gen.running import BEAM, digests, ingest
from trainer.errors import UserError

CONFIG = IngestConfig(block_size=16, max_corrupt_share=0.5)
BUCKET = "fake://bucket"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes, names with pattern characters, a broken file, litter; all uploaded as well."""
    FakeFiles.keep_in(tmp_path / "objects")
    root = make_classes(tmp_path / "in", {"cats": 20, "dogs [old]*": 20})
    (root / "cats" / "what?.jpg").write_bytes(b"junk")
    (root / "cats" / "gr\u00fcn\n2.jpg").write_bytes((root / "cats" / "0001.jpeg").read_bytes())
    (root / ".DS_Store").write_bytes(b"x")
    upload(root, f"{BUCKET}/photos")
    return root


def _ingest_remotely(root: str) -> None:
    listing = list_images(root, CONFIG)
    work = Ingest(listing, CONFIG, listing.fingerprint(), lambda: beam.Pipeline(argv=BEAM))
    work.run(f"{BUCKET}/out/examples/1", f"{BUCKET}/out/dead/1", registry=f"{BUCKET}/reg", name="m")


def test_a_bucket_gives_what_the_same_folder_gives(photos: Path, tmp_path: Path) -> None:
    _ingest_remotely(f"{BUCKET}/photos")
    ingest(photos, tmp_path / "local", CONFIG, registry=str(tmp_path / "registry"))
    download(f"{BUCKET}/out", tmp_path / "remote")
    remote, local = digests(tmp_path / "remote"), digests(tmp_path / "local")
    # The time of a version is told in other units.
    del remote["examples/1/dataset.json"], local["examples/1/dataset.json"]
    assert remote == local
    assert len(local) > 10
    _ingest_remotely(f"{BUCKET}/photos/")
    download(f"{BUCKET}/out", tmp_path / "again")
    download(f"{BUCKET}/reg", tmp_path / "reg")
    again = digests(tmp_path / "again")
    assert again.items() >= remote.items()
    assert len(again) == len(remote) + 1, "nothing is left of the first run or of the staging"
    assert digests(tmp_path / "reg") == digests(tmp_path / "registry")


def test_a_manifest_in_a_bucket_names_files_beside_it(photos: Path) -> None:
    lines = [f"cats/{number:04}.jpeg,{'ab'[number % 2]}" for number in range(20)]
    paths.write_whole(f"{BUCKET}/photos/m.csv", "\n".join(["path,label", *lines]).encode())
    listing = list_images(f"{BUCKET}/photos/m.csv", CONFIG)
    assert [file.name for file in listing.files] == [f"cats/{n:04}.jpeg" for n in range(20)]
    sizes = [(photos / file.name).stat().st_size for file in listing.files]
    assert [file.size for file in listing.files] == sizes


def test_a_change_in_the_bucket_is_seen_without_reading_an_image(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeFiles, "open", None)
    before = list_images(f"{BUCKET}/photos", CONFIG).fingerprint()
    assert list_images(f"{BUCKET}/photos", CONFIG).fingerprint() == before
    paths.write_whole(f"{BUCKET}/photos/cats/0003.jpeg", b"other")
    assert list_images(f"{BUCKET}/photos", CONFIG).fingerprint() != before


def test_an_empty_bucket_is_the_users_mistake(photos: Path) -> None:
    with pytest.raises(UserError, match="found no images under"):
        list_images(f"{BUCKET}/nothing", CONFIG)


def test_a_failed_upload_leaves_nothing(photos: Path) -> None:
    def fail() -> None:
        with paths.create_whole(f"{BUCKET}/x/half.bin") as stream:
            stream.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(paths.walk(f"{BUCKET}/x")) == []
