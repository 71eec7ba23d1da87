"""What the container hands back is what KFP's launcher takes."""

from __future__ import annotations

import json

from kubeflow.executor_output import KEEP_FILE, keep_empty_folders, output_document, write_output
from tests.kubeflow.standin import coerce, read_output, upload


def test_no_location_no_null_and_lists_as_text(tmp_path):
    metadata = {"blessed": 1, "verdicts": {"a": [1]}, "names": ["x"], "nothing": None, "share": 0.5}
    write_output(
        str(tmp_path / "out.json"), output_document({"blessing": "b"}, {"blessing": metadata})
    )
    [artifact] = read_output(tmp_path / "out.json")["blessing"]["artifacts"]
    assert "uri" not in artifact
    assert artifact["metadata"] == {
        "blessed": 1,
        "verdicts": '{"a": [1]}',
        "names": '["x"]',
        "share": 0.5,
    }
    assert coerce(artifact["metadata"], "b")["blessed"] == 1.0


def test_an_output_without_metadata_is_still_reported(tmp_path):
    document = output_document({"model": "model"}, {})
    assert document == {"artifacts": {"model": {"artifacts": [{"metadata": {}, "name": "model"}]}}}


def test_the_file_is_written_whole(tmp_path):
    target = tmp_path / "deep" / "out.json"
    write_output(str(target), {"artifacts": {}})
    write_output(str(target), {"artifacts": {"a": {"artifacts": []}}})
    assert json.loads(target.read_text()) == {"artifacts": {"a": {"artifacts": []}}}
    assert [path.name for path in target.parent.iterdir()] == ["out.json"]


def test_an_empty_output_survives_the_object_store(tmp_path):
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.mkdir()
    empty.mkdir()
    (full / "x").write_text("x")
    keep_empty_folders([str(full), str(empty), str(tmp_path / "missing")])
    upload(empty, tmp_path / "bucket" / "empty")
    assert (tmp_path / "bucket" / "empty" / KEEP_FILE).exists()
    assert [path.name for path in full.iterdir()] == ["x"]
