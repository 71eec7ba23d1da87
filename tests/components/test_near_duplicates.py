from __future__ import annotations

import io
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from components.fingerprints import fingerprint, similarities
from components.near_duplicates import candidate_pairs, distance, groups, near_duplicates
from tests.components.data_gate.world import photo


def _flip(value: int, bits: list[int]) -> int:
    mask = sum(1 << bit for bit in set(bits))
    return int(np.uint64(np.int64(value).view(np.uint64) ^ np.uint64(mask)).view(np.int64))


def _all_pairs(hashes: np.ndarray, limit: int) -> set[tuple[int, int]]:
    close = np.triu(distance(hashes[:, None], hashes[None]) <= limit, 1)
    return {(int(i), int(j)) for i, j in zip(*np.nonzero(close), strict=True)}


def test_distance_counts_differing_bits():
    assert distance(np.array([0b1011, -1]), np.array([0b0001, 0])).tolist() == [2, 64]


@settings(max_examples=60, deadline=None)
@given(
    base=st.integers(-(2**63), 2**63 - 1),
    flips=st.lists(st.lists(st.integers(0, 63), max_size=14), min_size=1, max_size=30),
    limit=st.integers(0, 12),
)
def test_banding_finds_exactly_the_close_pairs_of_distinct_hashes(base, flips, limit):
    hashes = np.unique(np.array([base, *(_flip(base, bits) for bits in flips)], dtype=np.int64))
    found = {(int(i), int(j)) for i, j in candidate_pairs(hashes, limit)}
    assert found == _all_pairs(hashes, limit)


def test_equal_hashes_are_linked_without_all_their_pairs():
    pairs = candidate_pairs(np.full(1000, 7), 8)
    assert len(pairs) == 999 + 998
    assert set(groups(1000, pairs).tolist()) == {0}


def test_close_hashes_are_linked_through_the_first_of_equal_ones():
    hashes = np.array([5, 5, 4, 4])
    assert groups(4, candidate_pairs(hashes, 1)).tolist() == [0, 0, 0, 0]
    assert groups(4, candidate_pairs(hashes, 0)).tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize("hashes", [[], [3]])
def test_too_few_hashes_for_a_pair(hashes):
    assert candidate_pairs(np.array(hashes, dtype=np.int64)).shape == (0, 2)


@pytest.mark.parametrize("limit", [-1, 21])
def test_refuses_a_distance_out_of_range(limit):
    with pytest.raises(ValueError, match=f"got {limit}"):
        candidate_pairs([1, 2], limit)


def test_search_does_not_compare_all_pairs():
    hashes = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 50_000)
    start = time.process_time()
    candidate_pairs(hashes)
    # All 1.25 billion pairs take minutes.
    assert time.process_time() - start < 30


def test_groups_take_the_smallest_index():
    assert groups(6, [(4, 2), (2, 5), (0, 3)]).tolist() == [0, 1, 2, 0, 2, 2]
    assert groups(3, []).tolist() == [0, 1, 2]


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


_ALTERED = {
    "reencoded": lambda image: _jpeg(image, 40),
    "halved": lambda image: image.resize((image.width // 2, image.height // 2)),
    "enlarged": lambda image: image.resize((image.width * 3, image.height * 3)),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.2),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "soft": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
}


@pytest.mark.parametrize("name", _ALTERED)
def test_an_altered_photo_is_recognised_among_others(name):
    photos = [photo(seed, (300, 220)) for seed in range(12)]
    images = [*photos, *(_ALTERED[name](image) for image in photos)]
    marks = [fingerprint(np.asarray(image)) for image in images]
    pairs = near_duplicates([m.phash for m in marks], [m.thumbnail for m in marks])
    assert {tuple(pair) for pair in pairs.tolist()} == {(n, n + 12) for n in range(12)}


def test_blank_images_resemble_nothing_though_their_hashes_are_equal():
    marks = [fingerprint(np.full((40, 50, 3), level, np.uint8)) for level in (0, 128, 255)]
    assert {mark.phash for mark in marks} == {0}
    assert not len(near_duplicates([m.phash for m in marks], [m.thumbnail for m in marks]))


def test_similarity_looks_at_detail_not_at_the_horizon():
    rng = np.random.default_rng(3)
    sky = np.repeat(np.linspace(230, 40, 64), 64).reshape(64, 64)
    seas = [np.clip(sky + rng.normal(0, 12, (64, 64)), 0, 255).astype(np.uint8) for _ in range(2)]
    prints = [fingerprint(sea).thumbnail for sea in seas]
    assert similarities(np.array([[0, 1]]), prints)[0] < 0.5
    assert similarities(np.array([[0, 0]]), prints)[0] == pytest.approx(1)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (17, 5), (33, 31, 3)])
def test_any_size_has_a_fingerprint(shape):
    mark = fingerprint(np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8))
    assert len(mark.thumbnail) == 256
    assert -(2**63) <= mark.phash < 2**63
