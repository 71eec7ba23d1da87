"""Confident learning on matrices small enough to check by hand."""

from __future__ import annotations

import csv
import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.report.content import Suspect
from components.report.suspects import COLUMNS, as_csv, confident_errors


def test_an_image_that_looks_like_another_class_is_suspected():
    labels = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.1, 0.9], [0.2, 0.8]])
    assert confident_errors(labels, probabilities) == [(2, 1)]


def test_a_class_that_is_hard_for_the_model_has_a_lower_limit():
    """0.55 is over the mean self-confidence 0.5 of class 1, so the image is suspected though unsure."""
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.45, 0.55], [0.5, 0.5], [0.5, 0.5]])
    assert confident_errors(labels, probabilities) == [(1, 1)]


def test_below_the_mean_confidence_of_the_other_class_nothing_is_suspected():
    labels = np.array([0, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.1, 0.9]])
    assert confident_errors(labels, probabilities) == []


def test_the_largest_margin_comes_first():
    labels = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    assert [error.position for error in confident_errors(labels, probabilities)] == [2, 1]


def test_a_class_without_images_suggests_nothing():
    assert confident_errors(np.array([0]), np.array([[0.1, 0.9]])) == []
    assert confident_errors(np.zeros(0, int), np.zeros((0, 2))) == []


@given(st.integers(1, 30), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_never_suggests_the_label_itself_nor_an_image_twice(count, classes, seed):
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, count)
    errors = confident_errors(labels, draw.dirichlet(np.ones(classes), count))
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
