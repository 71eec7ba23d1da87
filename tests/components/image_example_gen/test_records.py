from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.image_example_gen.example import encode_example
from components.image_example_gen.records import RecordWriter, frame

tf = pytest.importorskip("tensorflow")

FEATURES = st.dictionaries(
    st.text(min_size=1, max_size=20),
    st.one_of(
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4),
        st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=4),
        st.lists(st.binary(max_size=200), min_size=1, max_size=3),
    ),
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(FEATURES)
def test_an_example_says_what_tensorflow_reads(
    features: dict[str, list[int] | list[float] | list[bytes]],
) -> None:
    example = tf.train.Example.FromString(encode_example(features))
    found = {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in example.features.feature.items()
    }
    assert found == features


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(TypeError, match="got str"):
        encode_example({"name": ["text"]})  # type: ignore[dict-item]


def test_tensorflow_reads_the_records(tmp_path: Path) -> None:
    records = [b"", b"one", bytes(range(256)) * 300]
    path = tmp_path / "x.gz"
    with path.open("wb") as stream, RecordWriter(stream) as writer:
        for record in records:
            writer.write(record)
    dataset = tf.data.TFRecordDataset(str(path), compression_type="GZIP")
    assert [record.numpy() for record in dataset] == records


def test_equal_records_are_equal_bytes_however_they_arrive() -> None:
    streams = io.BytesIO(), io.BytesIO()
    for stream in streams:
        with RecordWriter(stream) as writer:
            writer.write(b"a" * 1000)
            writer.write_framed(frame(b"b"))
    assert streams[0].getvalue() == streams[1].getvalue()
    assert streams[0].getvalue()[4:8] == b"\0\0\0\0"
