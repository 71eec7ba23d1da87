from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from trainer.logistic import Fit, path


def sample(seed: int, count: int = 60, width: int = 4, classes: int = 3):
    random = np.random.default_rng(seed)
    features = random.normal(0, 1, (count, width)).astype(np.float32)
    labels = (features[:, :classes] + random.normal(0, 1, (count, classes))).argmax(1)
    return features, labels


def fit(features, labels, penalty: float, **more) -> Fit:
    (found,) = path(features, labels, classes=3, penalties=(penalty,), iterations=500, **more)
    return found


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), penalty=st.floats(0.5, 100))
def test_the_gradient_of_the_stated_cost_is_zero_at_the_answer(seed: int, penalty: float):
    features, labels = sample(seed)
    found = fit(features, labels, penalty)
    deviation = features.std(0) + 1e-3
    standard = (features - features.mean(0)) / deviation
    error = softmax(found.logits(features), axis=1) - np.eye(3)[labels]
    slope = standard.T @ error + penalty * found.kernel * deviation[:, None]
    assert np.abs(slope).max() / len(labels) < 1e-3
    assert np.abs(error.sum(0)).max() / len(labels) < 1e-3


def test_two_balanced_points_by_hand():
    # Standardised they lie at -1 and 1. By symmetry the kernel is (-w, w), and the gradient is zero where
    # penalty * w = 2 * sigmoid(-2 w): each point pulls at it with the probability of the wrong class.
    (found,) = path(
        np.array([[-1.0], [1.0]]), np.array([0, 1]), classes=2, penalties=(0.5,), iterations=500
    )
    w = found.kernel[0, 1]
    assert found.kernel[0, 0] == pytest.approx(-w, abs=1e-4)
    assert 0.5 * w == pytest.approx(2 / (1 + np.exp(2 * w)), abs=1e-2)
    assert found.bias == pytest.approx([0, 0], abs=1e-3)


def test_rows_of_weight_two_count_as_two_rows():
    features, labels = sample(1)
    double = fit(features, labels, 4.0, weights=np.full(len(labels), 2.0))
    repeated = fit(np.concatenate([features] * 2), np.concatenate([labels] * 2), 4.0)
    np.testing.assert_allclose(double.kernel, repeated.kernel, atol=2e-3)


def test_units_of_the_features_do_not_matter():
    features, labels = sample(2)
    moved = features * [1.0, 100.0, 5.0, 2.0] + 7
    one, other = fit(features, labels, 3.0), fit(moved, labels, 3.0)
    np.testing.assert_allclose(one.logits(features), other.logits(moved), atol=2e-2)


def test_a_path_holds_the_weights_down_less_and_less():
    features, labels = sample(3)
    norms = [
        float(np.square(one.kernel).sum())
        for one in path(features, labels, classes=3, penalties=(100, 10, 1))
    ]
    assert norms[0] < norms[1] < norms[2]


def test_a_feature_that_never_changes_gets_no_weight():
    features, labels = sample(4)
    features[:, 3] = 5
    assert np.abs(fit(features, labels, 1.0).kernel[3]).max() < 1e-6


@pytest.mark.parametrize("present", [[0, 1, 3], [1, 3], [2]])
def test_a_class_without_a_row_is_never_the_answer(present: list[int]):
    features, labels = sample(5, classes=len(present))
    labels = np.array(present)[labels]
    (found,) = path(features, labels, classes=4, penalties=(1.0,))
    answers = found.logits(features).argmax(1)
    assert set(answers) <= set(present)
    assert (answers == labels).mean() > 0.6


def test_no_penalty_learns_separable_points_by_heart():
    features, labels = sample(6, count=4)
    (found,) = path(features, labels, classes=3, penalties=(0.0,))
    assert (found.logits(features).argmax(1) == labels).all()
