"""Worst answers and confused pairs, counted by hand."""

from __future__ import annotations

import math

import pytest

from components.report.answers import PICTURES_PER_PAIR, boil_down


def row(path: str, label: str, answer: str, probability: float) -> dict:
    return {
        "path": path,
        "label": label,
        "answer": answer,
        "probability": 0.5,
        "label_probability": probability,
    }


ROWS = [
    row("1", "cat", "cat", 0.9),
    row("2", "cat", "dog", 0.2),
    row("3", "cat", "dog", 0.4),
    row("4", "dog", "cat", 0.0),
]


def test_the_worst_come_first_and_certainty_in_error_is_not_infinite():
    worst, _ = boil_down(ROWS, losses=2, pairs=9)
    assert [one.path for one in worst] == ["4", "2"]
    assert worst[0].loss == pytest.approx(-math.log(1e-7))
    assert worst[1].loss == pytest.approx(-math.log(0.2))


def test_pairs_are_counted_by_direction_and_cut():
    _, pairs = boil_down(ROWS, losses=0, pairs=9)
    assert [(pair.label, pair.answer, pair.times, pair.of) for pair in pairs] == [
        ("cat", "dog", 2, 3),
        ("dog", "cat", 1, 1),
    ]
    assert pairs[0].paths == ("2", "3")
    assert len(boil_down(ROWS, losses=0, pairs=1)[1]) == 1


def test_a_pair_keeps_few_pictures_however_often_it_occurs():
    [pair] = boil_down((row(str(i), "a", "b", 0.1) for i in range(99)), losses=5, pairs=5)[1]
    assert pair.times == 99
    assert len(pair.paths) == PICTURES_PER_PAIR
