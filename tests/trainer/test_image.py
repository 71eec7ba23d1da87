from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.records import encode
from trainer.image import Geometry, load_batch, load_center, load_window, source_size, window_at

GEOMETRY = Geometry(image_size=32, resize_size=40, aspect_ratio="stretch")


def _photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((8, 8, 1), np.uint8))[:height, :width]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_window_equals_decoding_everything_and_cropping(kind: str) -> None:
    encoded = encode(_photo(60, 90), kind)
    whole = tf.io.decode_image(encoded, channels=3).numpy()
    window = tf.constant([10, 20, 40, 48])
    got = load_window(tf.constant(encoded), GEOMETRY, window).numpy()
    expected = tf.image.resize(whole[10:50, 20:68], [32, 32]).numpy()
    assert got.dtype == np.uint8
    # A JPEG's colour planes are interpolated, and a window's edge has no neighbours to look at.
    np.testing.assert_allclose(got, np.round(expected), atol=4 if kind == "JPEG" else 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_size_is_read_without_decoding(kind: str) -> None:
    encoded = tf.constant(encode(_photo(60, 90), kind))
    np.testing.assert_array_equal(source_size(encoded), [60, 90])


@pytest.mark.parametrize(
    ("aspect", "position", "expected"),
    [
        ("stretch", 0.0, [0, 0, 48, 80]),
        ("stretch", 0.5, [6, 10, 48, 80]),
        ("stretch", 1.0, [12, 20, 48, 80]),
        ("crop", 0.0, [0, 20, 48, 48]),
        ("crop", 1.0, [12, 32, 48, 48]),
    ],
)
def test_windows(aspect: str, position: float, expected: list[int]) -> None:
    geometry = GEOMETRY.model_copy(update={"aspect_ratio": aspect})
    window = window_at(tf.constant([60, 100]), geometry, tf.constant([position] * 2))
    np.testing.assert_array_equal(window, expected)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (7, 3), (500, 31)])
def test_any_shape_becomes_a_square(shape: tuple[int, int]) -> None:
    encoded = tf.constant(encode(np.full((*shape, 3), 200, np.uint8), "PNG"))
    got = load_center(encoded, GEOMETRY).numpy()
    np.testing.assert_array_equal(got, np.full((32, 32, 3), 200))


def test_a_batch_of_mixed_sizes_and_formats_equals_one_by_one() -> None:
    encoded = [
        encode(_photo(60, 90), "JPEG"),
        encode(_photo(20, 30), "PNG"),
        encode(_photo(300, 200), "JPEG"),
    ]
    batch = load_batch(tf.constant(encoded), GEOMETRY).numpy()
    for one, row in zip(encoded, batch, strict=True):
        np.testing.assert_array_equal(load_center(tf.constant(one), GEOMETRY), row)
