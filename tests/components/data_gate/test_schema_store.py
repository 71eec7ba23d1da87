from __future__ import annotations

from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate.curation import curate
from components.data_gate.schema_store import SchemaStore, open_store
from components.data_gate.schema_view import differences, rows
from trainer.errors import UserError


def _schema(*names: str) -> schema_pb2.Schema:
    schema = schema_pb2.Schema()
    for name in names:
        schema.feature.add(name=name, type=schema_pb2.FLOAT, presence={"min_fraction": 1.0})
    return schema


def test_versions_count_up_and_old_ones_stay(tmp_path: Path):
    store = SchemaStore(str(tmp_path), "m")
    assert store.accepted() is None
    store.accept(_schema("a"))
    store.accept(_schema("a", "b"))
    assert store.numbers() == [1, 2]
    newest, first = store.accepted(), store.accepted(1)
    assert newest is not None
    assert newest.schema == _schema("a", "b")
    assert first is not None
    assert first.schema == _schema("a")
    assert store.accepted(3) is None


def test_two_at_once_get_two_numbers(tmp_path: Path):
    class Late(SchemaStore):
        def numbers(self) -> list[int]:
            return []

    late = Late(str(tmp_path), "m")
    assert [late.accept(_schema("a")).number, late.accept(_schema("b")).number] == [1, 2]


def test_accepting_drops_the_proposal(tmp_path: Path):
    store = SchemaStore(str(tmp_path), "m")
    store.accept(_schema("a"))
    store.propose(_schema("a", "b"))
    assert store.proposed() == _schema("a", "b")
    assert store.numbers() == [1]
    store.accept(_schema("a", "b"))
    assert store.proposed() is None


def test_a_typing_error_names_the_line(tmp_path: Path):
    store = SchemaStore(str(tmp_path), "m")
    path = store.accept(_schema("a")).path
    Path(path).write_text('feature {\n  nam: "a"\n}\n')
    with pytest.raises(UserError, match=r"0001\.pbtxt is not a schema: 2:3"):
        store.accepted()


def test_nothing_half_written_is_left(tmp_path: Path):
    store = SchemaStore(str(tmp_path), "m")
    store.accept(_schema("a"))
    store.propose(_schema("b"))
    assert sorted(path.name for path in Path(store.folder).iterdir()) == [
        "0001.pbtxt",
        "proposed.pbtxt",
    ]


def test_a_store_is_found_from_the_root_or_the_name(tmp_path: Path):
    SchemaStore(str(tmp_path), "m").accept(_schema("a"))
    for path in (tmp_path, tmp_path / "m"):
        assert open_store(str(path)).folder == str(tmp_path / "m" / "schema")
    SchemaStore(str(tmp_path), "other").accept(_schema("a"))
    with pytest.raises(UserError, match="several models: m, other"):
        open_store(str(tmp_path))
    with pytest.raises(UserError, match="there is no schema under"):
        open_store(str(tmp_path / "nowhere"))


def test_curating_opens_class_names_and_closes_measures():
    inferred = _schema("stat/entropy", "stat/sharpness")
    inferred.feature.add(name="image/class/text", type=schema_pb2.BYTES, domain="image/class/text")
    inferred.string_domain.add(name="image/class/text", value=["cat"])
    inferred.feature.add(name="image/format", type=schema_pb2.BYTES)
    found = {row[0]: row[3] for row in rows(curate(inferred))}
    assert found == {
        "stat/entropy": "0 to 8",
        "stat/sharpness": "",
        "image/class/text": "",
        "image/format": "JPEG, PNG",
    }


def test_differences_read_like_a_patch():
    lines = differences(_schema("a"), _schema("a", "b"))
    assert '+  name: "b"' in lines
    assert differences(_schema("a"), _schema("a")) == []
