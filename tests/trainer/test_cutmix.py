from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer import cutmix
from trainer.config import CutMixConfig


def _boxes(*rows: tuple[int, int, int, int, int]) -> cutmix.Boxes:
    return cutmix.Boxes(*(tf.constant(column, tf.int32) for column in zip(*rows, strict=True)))


def _ramp(batch: int, side: int, dtype: np.dtype | type = np.uint8) -> np.ndarray:
    return np.arange(batch * side * side * 3).reshape(batch, side, side, 3).astype(dtype)


@pytest.mark.parametrize("in_dataset", [False, True])
@pytest.mark.parametrize("side", [4, 5, 8])
def test_pastes_exactly_the_box_and_mixes_labels_by_its_area(side: int, in_dataset: bool) -> None:
    images = _ramp(3, side)
    labels = np.eye(3, dtype=np.float32)
    boxes = _boxes((1, 1, 3, 0, 2), (2, 0, side, 0, side), (0, 2, 2, 0, 0))

    expected = images.copy()
    expected[0, 1:3, 0:2] = images[1, 1:3, 0:2]
    expected[1] = images[2]
    share = 4 / side**2
    expected_labels = [[1 - share, share, 0], [0, 0, 1], [0, 0, 1]]

    def mixed(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return cutmix.apply(x, y, boxes)

    if in_dataset:
        data = tf.data.Dataset.from_tensors((images, labels)).map(mixed)
        got, got_labels = next(iter(data))
    else:
        got, got_labels = mixed(tf.constant(images), tf.constant(labels))
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == tf.uint8
    np.testing.assert_allclose(got_labels, expected_labels, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("width", [1, 2, 4, 7, 8, 16])
def test_rows_of_any_length_and_type_are_cut_at_the_very_column(width: int, dtype: str) -> None:
    random = np.random.default_rng(width)
    images = random.integers(0, 256, (width + 1, 3, width, 3)).astype(dtype)
    boxes = _boxes(*((width - i, i % 2, 2 + i % 2, i // 2, i) for i in range(width + 1)))
    expected = images.copy()
    for i, row in enumerate(zip(*(one.numpy() for one in boxes), strict=True)):
        partner, top, bottom, left, right = row
        expected[i, top:bottom, left:right] = images[partner, top:bottom, left:right]
    np.testing.assert_array_equal(cutmix.paste(tf.constant(images), boxes), expected)


def test_binary_labels_mix_as_scalars() -> None:
    boxes = _boxes((1, 0, 2, 0, 2), (1, 0, 0, 0, 0))
    _, labels = cutmix.apply(tf.constant(_ramp(2, 4)), tf.constant([0.0, 1.0]), boxes)
    np.testing.assert_allclose(labels, [0.25, 1.0])


def test_mean_pasted_area_matches_the_expectation() -> None:
    config = CutMixConfig()
    boxes = cutmix.draw(200_000, 160, 160, config, tf.constant([7, 11]))
    share = cutmix.pasted_share(boxes, 160, 160).numpy()
    assert np.mean(share) == pytest.approx(_expected_area(config), abs=0.003)
    assert np.mean(share > 0) == pytest.approx(0.5, abs=0.01)


def _expected_area(config: CutMixConfig) -> float:
    """By quadrature: the share that survives clipping, averaged over lambda and the centre."""
    lam = (np.arange(400) + 0.5) / 400
    half = np.sqrt(1 - lam) / 2
    centre = 0.125 + 0.75 * (np.arange(400) + 0.5) / 400
    low = np.maximum(centre[None] - half[:, None], 0)
    high = np.minimum(centre[None] + half[:, None], 1)
    return float(config.probability * np.mean(np.mean(high - low, axis=1) ** 2))


def test_beta_of_one_is_the_uniform_and_a_small_alpha_prefers_the_ends() -> None:
    uniform = cutmix.beta(tf.constant([50_000]), 1.0, tf.constant([1, 2])).numpy()
    assert np.var(uniform) == pytest.approx(1 / 12, abs=0.003)
    ends = cutmix.beta(tf.constant([50_000]), 0.2, tf.constant([1, 2])).numpy()
    assert np.var(ends) == pytest.approx(0.25 / 1.4, abs=0.004)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)),
    side=st.integers(1, 64),
    alpha=st.sampled_from([None, 0.2, 1.0]),
)
def test_boxes_stay_inside_and_partners_in_the_batch(
    seed: tuple[int, int], side: int, alpha: float | None
) -> None:
    boxes = cutmix.draw(16, side, side, CutMixConfig(alpha=alpha, probability=1), tf.constant(seed))
    partner, top, bottom, left, right = (one.numpy() for one in boxes)
    assert ((partner >= 0) & (partner < 16)).all()
    for low, high in ((top, bottom), (left, right)):
        assert (low >= 0).all()
        assert (low <= high).all()
        assert (high <= side).all()


def test_partners_are_uniform_over_the_batch_and_include_oneself() -> None:
    boxes = cutmix.draw(64, 32, 32, CutMixConfig(), tf.constant([3, 4]))
    many = np.concatenate(
        [
            cutmix.draw(8, 32, 32, CutMixConfig(), tf.constant([3, 16 * i])).partner
            for i in range(500)
        ]
    )
    share = np.bincount(many, minlength=8) / many.size
    np.testing.assert_allclose(share, 1 / 8, atol=0.025)
    assert len(set(boxes.partner.numpy())) > 20


def test_equal_seeds_draw_equal_boxes_and_probability_zero_draws_none() -> None:
    config = CutMixConfig()
    first = cutmix.draw(32, 64, 64, config, tf.constant([5, 6]))
    again = cutmix.draw(32, 64, 64, config, tf.constant([5, 6]))
    other = cutmix.draw(32, 64, 64, config, tf.constant([5, 22]))
    np.testing.assert_array_equal(first.top, again.top)
    assert (first.top.numpy() != other.top.numpy()).any()
    none = cutmix.draw(32, 64, 64, CutMixConfig(probability=0), tf.constant([5, 6]))
    assert cutmix.pasted_share(none, 64, 64).numpy().max() == 0
