"""Confident learning on matrices small enough to check by hand, and probabilities out of fold."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.report.content import Suspect
from components.report.out_of_fold import out_of_fold
from components.report.suspects import COLUMNS, as_csv, label_errors


def test_an_image_that_looks_like_another_class_is_suspected():
    labels = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.1, 0.9], [0.2, 0.8]])
    assert label_errors(labels, probabilities) == [(2, 1)]


def test_a_class_that_is_hard_for_the_model_has_a_lower_limit():
    """0.55 is over the mean self-confidence 0.5 of class 1, so the image is suspected though unsure."""
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.45, 0.55], [0.5, 0.5], [0.5, 0.5]])
    assert label_errors(labels, probabilities) == [(1, 1)]


def test_below_the_mean_confidence_of_the_other_class_nothing_is_suspected():
    labels = np.array([0, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.1, 0.9]])
    assert label_errors(labels, probabilities) == []


def test_the_largest_margin_comes_first():
    labels = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    assert [error.position for error in label_errors(labels, probabilities)] == [2, 1]


def test_a_class_without_images_suggests_nothing():
    assert label_errors(np.array([0]), np.array([[0.1, 0.9]])) == []
    assert label_errors(np.zeros(0, int), np.zeros((0, 2))) == []


def test_what_nothing_could_judge_is_passed_over():
    labels = np.array([0, 0, 0, 1, 1, 1])
    sure = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.1, 0.9], [0.2, 0.8]])
    assert label_errors(labels, np.vstack([sure, [[np.nan, np.nan]]])) == [(2, 1)]


def test_an_absent_class_in_the_middle_keeps_the_others_names():
    labels = np.array([0, 0, 0, 2, 2])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.8, 0, 0.2], [0, 0.1, 0.9], [0, 0, 1], [0, 0, 1]])
    assert label_errors(labels, probabilities) == [(2, 2)]


def test_out_of_fold_a_wrong_label_is_not_learnt_by_heart():
    """40 points in two clouds, one of them filed under the other: in-sample a fit could bend around it."""
    draw = np.random.default_rng(0)
    features = draw.normal(0, 1, (40, 8)) + np.repeat([[0], [6]], 20, axis=0)
    labels = np.repeat([0, 1], 20)
    labels[3] = 1
    probabilities = out_of_fold(features, labels, class_count=3)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert (probabilities[:, 2] == 0).all()
    assert [error.position for error in label_errors(labels, probabilities)] == [3]


def test_out_of_fold_says_nothing_of_a_class_with_one_image():
    features = np.arange(10, dtype=float).reshape(5, 2)
    probabilities = out_of_fold(features, np.array([0, 0, 1, 1, 2]), class_count=3)
    assert np.isnan(probabilities[4]).all()
    assert np.isfinite(probabilities[:4]).all()
    assert np.isnan(out_of_fold(features, np.zeros(5, int), class_count=2)).all()


@given(st.integers(1, 30), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_never_suggests_the_label_itself_nor_an_image_twice(count, classes, seed):
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, count)
    errors = label_errors(labels, draw.dirichlet(np.ones(classes), count))
    assert all(labels[error.position] != error.suggested for error in errors)
    assert len({error.position for error in errors}) == len(errors)


def test_the_list_survives_paths_with_commas_and_quotes():
    path = 'a "b", c.jpg'
    one = Suspect(
        path=path,
        split="val",
        label="x",
        suggested="y",
        label_probability=0.1,
        suggested_probability=0.87654,
    )
    [row] = csv.DictReader(io.StringIO(as_csv([one])))
    assert list(row) == list(COLUMNS)
    assert row["path"] == path
    assert row["suggested_probability"] == "0.8765"
