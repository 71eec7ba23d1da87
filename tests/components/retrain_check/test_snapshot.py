"""Two listings compared through what was kept of the first."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from components.image_example_gen.listing import ImageFile, Listing
from components.model_pusher.storage import LocalStorage
from components.retrain_check import snapshot as snapshots
from components.retrain_check.snapshot import Snapshot


def listing(**files: tuple[str, int]) -> Listing:
    """A listing of files by name: (class, size)."""
    rows = [
        ImageFile(f"/{class_name}/{name}", f"{class_name}/{name}", size, "t", class_name)
        for name, (class_name, size) in files.items()
    ]
    return Listing("/", "folders", tuple(sorted(rows, key=lambda file: file.name)))


def test_added_modified_and_removed():
    before = listing(one=("a", 5), two=("a", 5), three=("b", 5), four=("b", 5))
    after = listing(one=("a", 5), two=("a", 6), four=("b", 5), five=("c", 5), six=("c", 5))
    change = Snapshot.of(after).change_since(Snapshot.of(before), after)
    assert (change.images, change.added, change.modified, change.removed) == (5, 2, 1, 1)
    assert change.share == 1.0
    assert change.added_per_class == {"a": 1, "c": 2}
    assert change.new_classes == ("c",)
    assert change.vanished_classes == ()
    back = Snapshot.of(before).change_since(Snapshot.of(after), before)
    assert back.vanished_classes == ("c",)


NAMES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.tuples(st.sampled_from("xy"), st.integers(1, 3))
)


@given(NAMES, NAMES)
def test_the_same_as_comparing_dictionaries(old, new):
    before, after = listing(**old), listing(**new)
    change = Snapshot.of(after).change_since(Snapshot.of(before), after)
    was = {file.name: file for file in before.files}
    now = {file.name: file for file in after.files}
    assert change.added == len(now.keys() - was.keys())
    assert change.removed == len(was.keys() - now.keys())
    assert change.modified == sum(now[name] != was[name] for name in now.keys() & was.keys())


def test_kept_loaded_and_forgotten(tmp_path: Path):
    storage, folder = LocalStorage(), str(tmp_path / "m[1]")
    snapshot = Snapshot.of(listing(one=("a", 5), two=("b", 700)))
    snapshots.keep(storage, folder, "d" * 64, snapshot)
    snapshots.keep(storage, folder, "e" * 64, snapshot)
    loaded = snapshots.load(storage, folder, "d" * 64)
    assert loaded is not None
    assert loaded.names.tolist() == snapshot.names.tolist()
    assert (loaded.classes, loaded.sizes) == ({"a": 1, "b": 1}, {"4": 1, "18": 1})
    assert len(snapshots.forget(storage, folder, {"d" * 64})) == 1
    assert snapshots.load(storage, folder, "d" * 64) is not None
    assert snapshots.load(storage, folder, "e" * 64) is None


def test_a_torn_snapshot_is_as_good_as_none(tmp_path: Path):
    storage = LocalStorage()
    snapshots.keep(storage, str(tmp_path), "d", Snapshot.of(listing(one=("a", 5))))
    (file,) = tmp_path.rglob("*.npz")
    file.write_bytes(file.read_bytes()[:100])
    assert snapshots.load(storage, str(tmp_path), "d") is None
