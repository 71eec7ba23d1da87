from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data_gate.wire import read_example, unframe
from components.image_example_gen.example import encode_example
from components.image_example_gen.records import frame

_FEATURE = st.one_of(
    st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4),
    st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=4),
)


@given(st.dictionaries(st.text(max_size=20), _FEATURE, max_size=6))
def test_reads_what_ingest_writes(features):
    assert read_example(unframe(frame(encode_example(features)))) == features


def test_reads_only_what_is_wanted():
    record = encode_example({"a": [1], "b": [b"x"]})
    assert read_example(record, lambda name: name == "b") == {"b": [b"x"]}


@pytest.mark.parametrize("record", [b"\x0a\x05abc", b"\x08\x01", b"\x0a\x80"])
def test_refuses_what_is_no_example(record):
    with pytest.raises(ValueError, match=r"not a tf\.train\.Example"):
        read_example(record)
