"""What a local run checks and prepares before any step runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline import local
from pipeline.config import Config, make_config
from tests.imagemill.photos import write_photos
from trainer.errors import UserError


def _config(tmp_path: Path, **values: object) -> Config:
    base = {"name": "m", "data": {"root": str(tmp_path / "photos")}, "output": str(tmp_path / "o")}
    return make_config({**base, **values}, source="a test")


def test_history_is_a_file_beside_the_run_by_default(tmp_path: Path):
    connection = local.metadata_connection(_config(tmp_path))
    assert connection.sqlite.filename_uri == f"{tmp_path}/o/m/metadata.sqlite"
    elsewhere = _config(tmp_path, metadata={"path": str(tmp_path / "h.sqlite")})
    assert local.metadata_connection(elsewhere).sqlite.filename_uri == f"{tmp_path}/h.sqlite"


@pytest.mark.parametrize(("backend", "port"), [("mysql", 3306), ("postgresql", "5432")])
def test_history_on_a_server(tmp_path: Path, monkeypatch, backend: str, port: object):
    settings = {"backend": backend, "host": "db", "user": "u", "password_env": "MLMD_PASSWORD"}
    monkeypatch.setenv("MLMD_PASSWORD", "secret")
    server = getattr(local.metadata_connection(_config(tmp_path, metadata=settings)), backend)
    assert (server.host, server.user, server.password, server.port) == ("db", "u", "secret", port)
    assert (server.database if backend == "mysql" else server.dbname) == "imagemill"


def test_a_missing_password_names_its_variable(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("MLMD_PASSWORD", raising=False)
    settings = {"backend": "mysql", "password_env": "MLMD_PASSWORD"}
    with pytest.raises(UserError, match="MLMD_PASSWORD"):
        local.metadata_connection(_config(tmp_path, metadata=settings))


def test_output_must_be_local(tmp_path: Path):
    with pytest.raises(UserError, match=r"gs://bucket/out"):
        local.prepare_output(_config(tmp_path, output="gs://bucket/out"))


def test_nothing_is_left_of_the_proof_that_the_output_can_be_written(tmp_path: Path):
    assert list(local.prepare_output(_config(tmp_path)).iterdir()) == []


def test_tfx_sees_no_flags_of_ours(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["imagemill", "run", "--runner=evil"])
    with local._bare_argv():
        assert sys.argv == ["imagemill"]
    assert sys.argv == ["imagemill", "run", "--runner=evil"]


def test_a_mistyped_column_to_slice_by_is_refused_before_training(tmp_path: Path):
    write_photos(tmp_path / "photos", {"cat": 3, "dog": 3})
    lines = [
        f"{kind}/{number:03d}.jpg,{kind},north" for kind in ("cat", "dog") for number in range(3)
    ]
    manifest = tmp_path / "photos" / "list.csv"
    manifest.write_text("\n".join(["path,label,site", *lines]))
    config = _config(
        tmp_path, data={"root": str(manifest)}, evaluate={"slice_by": ["class", "column/sight"]}
    )
    with pytest.raises(UserError, match=r"column 'sight'.*did you mean 'site'"):
        local.run_locally(config)


def test_too_few_images_are_refused_before_tfx_is_loaded(tmp_path: Path):
    write_photos(tmp_path / "photos", {"cat": 1, "dog": 1})
    with pytest.raises(UserError, match="found 2 images in 2 classes: too few"):
        local.run_locally(_config(tmp_path))


def test_weights_that_are_not_there_are_refused_before_the_ingest(tmp_path: Path):
    write_photos(tmp_path / "photos", {"cat": 3, "dog": 3})
    gone = str(tmp_path / "gone.weights.h5")
    with pytest.raises(UserError, match=r"`weights` names '.*gone\.weights\.h5'"):
        local.run_locally(_config(tmp_path, train={"weights": gone}))
