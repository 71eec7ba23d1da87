"""`imagemill schema show|diff|accept`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate.schema_store import SchemaStore
from imagemill.cli import run_command


def _schema(high: float) -> schema_pb2.Schema:
    schema = schema_pb2.Schema()
    feature = schema.feature.add(name="stat/brightness", type=schema_pb2.FLOAT)
    feature.presence.min_fraction = 1
    feature.float_domain.max = high
    return schema


@pytest.fixture
def store(tmp_path: Path) -> SchemaStore:
    store = SchemaStore(str(tmp_path), "m")
    store.accept(_schema(100))
    return store


def _run(*args: str) -> int:
    return run_command(["schema", *args])


def test_show(store: SchemaStore, tmp_path: Path, capsys):
    assert _run("show", str(tmp_path)) == 0
    out = capsys.readouterr().out
    assert "stat/brightness  FLOAT  always   0 to 100" in out
    assert "Version 1 of 1" in out
    assert "proposal" not in out


def test_show_text_can_be_edited_and_accepted(store: SchemaStore, tmp_path: Path, capsys):
    _run("show", str(tmp_path), "--text")
    edited = tmp_path / "edited.pbtxt"
    edited.write_text(capsys.readouterr().out.replace("100", "200"))
    assert _run("accept", str(tmp_path), "--file", str(edited)) == 0
    assert store.accepted().schema == _schema(200)  # type: ignore[union-attr]


def test_diff_shows_the_proposal_and_accept_files_it(store: SchemaStore, tmp_path: Path, capsys):
    store.propose(_schema(200))
    assert _run("diff", str(tmp_path / "m")) == 3
    out = capsys.readouterr().out
    assert "-    max: 100" in out
    assert "+    max: 200" in out
    assert _run("accept", str(tmp_path / "m")) == 0
    assert "Accepted version 2" in capsys.readouterr().out
    assert _run("diff", str(tmp_path / "m")) == 0
    assert _run("diff", str(tmp_path / "m"), "--version", "1") == 3


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("show", "nowhere"), "there is no schema under"),
        (("show", "{root}", "--version", "9"), "has no schema version 9; it has: 1"),
        (("accept", "{root}"), "nothing is proposed"),
        (("accept", "{root}", "--file", "nowhere.pbtxt"), "cannot read 'nowhere.pbtxt'"),
    ],
)
def test_mistakes_are_told(store: SchemaStore, tmp_path: Path, capsys, args, message):
    assert _run(*(arg.format(root=tmp_path) for arg in args)) == 2
    assert message in capsys.readouterr().err
