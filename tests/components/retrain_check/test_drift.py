"""Distances computed by hand, and drift of a listing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.image_example_gen.listing import ImageFile, Listing
from components.retrain_check.config import DriftConfig
from components.retrain_check.drift import jensen_shannon, l_infinity, listing_drift
from components.retrain_check.snapshot import Snapshot

COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 50), max_size=4)


def files(count: int, *, class_name: str, size: int, start: int = 0) -> list[ImageFile]:
    return [
        ImageFile(f"/{class_name}/{i}", f"{class_name}/{i}", size, "1", class_name)
        for i in range(start, start + count)
    ]


def test_by_hand():
    assert l_infinity({"a": 3, "b": 1}, {"a": 1, "b": 1}) == ("a", 0.25)
    assert l_infinity({"a": 1}, {"b": 1}) == ("a", 1.0)
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4): (log2(4/3) + (log2(2/3) + 1) / 2) / 2
    assert jensen_shannon({"a": 1}, {"a": 1, "b": 1}) == pytest.approx(0.311278, abs=1e-6)
    assert jensen_shannon({"a": 1}, {"b": 1}) == pytest.approx(1.0)


@given(COUNTS, COUNTS)
def test_distances_are_symmetric_bounded_and_0_for_equals(one, other):
    assert jensen_shannon(one, other) == pytest.approx(jensen_shannon(other, one))
    assert 0 <= jensen_shannon(one, other) <= 1
    assert jensen_shannon(one, one) == pytest.approx(0)
    assert l_infinity(one, other)[1] == pytest.approx(l_infinity(other, one)[1])


def test_a_listing_drifts_in_classes_or_sizes_or_not():
    config = DriftConfig(min_images=50)
    balanced = [*files(100, class_name="a", size=1000), *files(100, class_name="b", size=1000)]
    reference = Snapshot.of(Listing("/", "folders", tuple(balanced)))

    def drifted(incoming: list[ImageFile]) -> dict[str, bool]:
        return {f.what: f.drifted for f in listing_drift(config, incoming, reference)}

    half = [
        *files(25, class_name="a", size=1000, start=100),
        *files(25, class_name="b", size=1000, start=100),
    ]
    assert drifted(half) == {"classes": False, "file_sizes": False}
    assert drifted(files(50, class_name="a", size=1000)) == {"classes": True, "file_sizes": False}
    large = [
        *files(25, class_name="a", size=9000, start=100),
        *files(25, class_name="b", size=9000, start=100),
    ]
    assert drifted(large) == {"classes": False, "file_sizes": True}
    assert drifted(files(49, class_name="a", size=9000)) == {}
