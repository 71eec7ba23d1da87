from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from components.model_evaluator import statistics

counts = st.integers(0, 200)


def test_mcnemar_by_hand():
    assert statistics.mcnemar_worse(0, 0) == 1.0
    assert statistics.mcnemar_worse(3, 0) == pytest.approx(1 / 8)
    assert statistics.mcnemar_worse(0, 3) == 1.0
    assert statistics.mcnemar_worse(2, 1) == pytest.approx(4 / 8)


@given(counts, counts)
def test_mcnemar_is_the_one_sided_binomial_test(old, new):
    if old + new:
        expected = binomtest(old, old + new, 0.5, alternative="greater").pvalue
        assert statistics.mcnemar_worse(old, new) == pytest.approx(expected, abs=1e-12)


def test_an_equally_good_model_is_refused_no_more_often_than_the_stated_risk():
    draw = np.random.default_rng(0)
    only_old = draw.binomial(40, 0.5, 4000)
    refused = np.mean([statistics.mcnemar_worse(old, 40 - old) < 0.05 for old in only_old])
    assert 0.01 < refused <= 0.055


@given(st.integers(1, 300), st.data())
def test_the_lower_bound_is_below_the_share_and_exact(total, data):
    right = data.draw(st.integers(0, total))
    bound = statistics.accuracy_lower_bound(right, total, 0.05)
    assert 0 <= bound <= right / total
    if right:
        chance = binomtest(right, total, bound, alternative="greater").pvalue
        assert chance == pytest.approx(0.05, abs=1e-6)


@given(st.integers(0, 10_000))
def test_auc_from_histograms_is_sklearns(seed):
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, 60)
    labels[:2] = 0, 1
    scores = draw.integers(0, 20, 60)
    positives, negatives = (
        np.bincount(scores[labels == kind], minlength=20).astype(float) for kind in (1, 0)
    )
    expected = roc_auc_score(labels, scores)
    assert statistics.auc_from_histograms(positives, negatives) == pytest.approx(expected)


def test_auc_needs_both_kinds():
    assert statistics.auc_from_histograms(np.zeros(3), np.ones(3)) is None


def test_calibration_error_by_hand():
    # Ten answers at 0.9 of which six are right, ten at 0.6 of which six are right.
    counts, sums, right = np.array([10.0, 10]), np.array([9.0, 6]), np.array([6.0, 6])
    assert statistics.calibration_error(counts, sums, right) == pytest.approx(0.15)
    assert statistics.calibration_error(np.zeros(2), np.zeros(2), np.zeros(2)) == 0


def test_f1_and_share():
    assert statistics.f1_score(0.5, 1.0) == pytest.approx(2 / 3)
    assert statistics.f1_score(0.0, 0.0) == 0.0
    assert statistics.f1_score(None, 1.0) is None
    assert statistics.share(1, 4) == 0.25
    assert statistics.share(1, 0) is None
