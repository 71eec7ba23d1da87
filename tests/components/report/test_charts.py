"""Charts: values land where they belong, and a text says what is drawn."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.model_evaluator.result import Bin
from components.report.charts import Line, figure, histogram_chart, line_chart, reliability_chart
from components.report.content import Histogram


def test_points_rise_with_values_and_stay_inside():
    svg = ElementTree.fromstring(line_chart("Loss", "epoch", [Line("val", [0, 1, 2], [3, 2, 1])]))
    heights = [float(dot.get("cy")) for dot in svg.iter("circle")]
    assert heights == sorted(heights)
    assert all(0 <= y <= 250 for y in heights)
    assert svg.get("aria-label") == "Loss by epoch: val ends at 1"


def test_names_are_escaped():
    assert "<b>" not in line_chart("<b>", "x", [Line("<b>", [0.0], [1.0])])


def test_nothing_to_draw_draws_nothing():
    assert not line_chart("Loss", "epoch", [Line("val", [], [])])
    empty = Bin(low=0, high=1, examples=0, confidence=0, accuracy=0)
    assert not reliability_chart([empty])


def test_bars_are_as_high_as_their_counts():
    svg = histogram_chart(Histogram(name="x", edges=(0, 1, 2), counts=(2, 4), median=1.2))
    low, high = (float(h) for h in re.findall(r'height="([\d.]+)"><title>', svg))
    assert high == pytest.approx(2 * low, abs=0.2)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_any_numbers_make_well_formed_drawings(values):
    xs = list(map(float, range(len(values))))
    ElementTree.fromstring(line_chart("t", "x", [Line("a", xs, values)]))


@pytest.mark.parametrize(
    ("value", "text"), [(3.0, "3"), (0.12345, "0.123"), (12000, "12k"), (2.5e6, "2.5M")]
)
def test_figures_are_short(value, text):
    assert figure(value) == text
