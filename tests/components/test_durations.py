"""Lengths of time in words."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.durations import roughly, to_text, to_timedelta


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", 45),
        ("90m", 5400),
        ("6h", 21600),
        ("1d12h", 129600),
        ("2w", 1209600),
        (" 1D 1h ", 90000),
    ],
)
def test_texts(text, seconds):
    assert to_timedelta(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "5", "h", "1y", "-1h", "1.5h", "101w52", "6000w"])
def test_what_is_no_length(text):
    with pytest.raises(ValueError, match=r"length of time|century"):
        to_timedelta(text)


@given(st.integers(0, 10**8))
def test_there_and_back(seconds):
    length = datetime.timedelta(seconds=seconds)
    assert to_timedelta(to_text(length)) == length


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (7199, "1 hour"),
        (86400 * 12, "12 days"),
        (-5, "0 seconds"),
    ],
)
def test_roughly(seconds, words):
    assert roughly(datetime.timedelta(seconds=seconds)) == words
