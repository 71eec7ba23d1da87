from __future__ import annotations

import csv
import io
import json
import os
import sys

import pytest
from click.testing import CliRunner

from components.model_pusher.registry import Registry
from components.model_pusher.storage import BeamStorage
from components.serving.engine import Answer
from components.serving.stream import Result
from imagemill import predict
from imagemill.predict import command
from tests.components.model_pusher.fakes import BucketFileSystem
from tests.components.tiny_model import COLOURS, colour_image, encode, export_model
from trainer.errors import ExitCode, UserError

assert BucketFileSystem.scheme() == "bucket"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    model = export_model(folder / "model")
    registry = Registry(str(folder / "registry"), "colours")
    registry.push(model, {})
    return registry


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(COLOURS):
        (folder / "deep" / f"{name}.png").write_bytes(encode(colour_image(name, number)))
    (folder / "broken.jpg").write_bytes(b"not a picture")
    (folder / "notes.txt").write_text("not even meant to be one")
    return folder


def run(*args: object):
    result = CliRunner().invoke(
        command, [str(arg) for arg in args], catch_exceptions=False, standalone_mode=False
    )
    return result.return_value, result.stdout, result.stderr


def test_table_names_class_and_probability_of_a_single_file(registry, photos):
    code, out, err = run(registry.root, photos / "deep" / "red.png")
    assert (code, err) == (ExitCode.OK, "")
    path, name, probability = out.split()
    assert path.endswith("red.png")
    assert name == "red"
    assert float(probability) > 0.9


def test_folders_are_searched_and_broken_images_reported_and_skipped(registry, photos):
    code, out, err = run(registry.path, photos, "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == ExitCode.OK
    assert [row["class"] for row in rows] == list(COLOURS)
    assert err.splitlines() == [
        f"Skipped {photos}/broken.jpg: not_an_image: begins with 6e 6f 74 20 61 20 70 69"
    ]


def test_csv_has_a_rank_per_answer(registry, photos):
    _, out, _ = run(registry.path, photos / "deep", "--format", "csv", "--top", "2")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["rank"] for row in rows] == ["1", "2"] * 3
    assert rows[0]["class"] == "blue"


def test_manifests_give_paths_relative_to_themselves(registry, photos):
    (photos / "list.csv").write_text("path,label\ndeep/red.png,red\ndeep/blue.png,blue\n")
    (photos / "list.jsonl").write_text('{"path": "deep/green.png"}\n')
    _, out, _ = run(registry.path, photos / "list.csv", photos / "list.jsonl", "--format", "jsonl")
    assert [json.loads(line)["class"] for line in out.splitlines()] == ["red", "blue", "green"]


def test_output_is_a_whole_file_or_none(registry, photos, tmp_path):
    run(registry.path, photos / "deep", "--format", "csv", "--output", tmp_path / "out.csv")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 4
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


def test_exit_codes_say_what_was_skipped(registry, photos):
    assert run(registry.path, photos, "--strict")[0] == ExitCode.DATA_REFUSED
    assert run(registry.path, photos / "broken.jpg")[0] == ExitCode.DATA_REFUSED


def test_quiet_prints_answers_only(registry, photos):
    code, out, err = run(registry.path, photos, "--quiet", "--json")
    assert (code, err) == (ExitCode.OK, "")
    assert len(out.splitlines()) == 3


def test_the_progress_bar_leaves_the_answers_alone(registry, photos, monkeypatch):
    """On a terminal rich would take stdout as well, and answers on their way to a file came out on stderr."""
    master, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        results = [Result("a.jpg", (Answer("red", 0.5),))] * 3
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        for _ in predict._with_progress(iter(results), stream):
            print("answer", file=sys.stdout)  # noqa: T201
    os.close(master)
    assert stream.getvalue() == "answer\n" * 3


def test_wrong_arguments_are_explained(registry, photos, tmp_path):
    with pytest.raises(UserError, match="no file or folder"):
        run(registry.path, tmp_path / "absent.jpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="found no images"):
        run(registry.path, tmp_path / "empty")
    with pytest.raises(UserError, match="neither a SavedModel nor a registry"):
        run(tmp_path / "empty", photos)


def test_beam_scores_every_input_or_says_why_not(registry, photos, tmp_path):
    code, out, _ = run(
        registry.path, photos, "--runner", "DirectRunner", "--output", tmp_path / "answers"
    )
    assert code == ExitCode.OK
    assert "3 images classified, 1 skipped" in out
    answers = [
        json.loads(line)
        for file in tmp_path.glob("answers-0*.jsonl")
        for line in file.read_text().splitlines()
    ]
    assert sorted(answer["class"] for answer in answers) == list(COLOURS)
    skipped = "".join(file.read_text() for file in tmp_path.glob("answers-skipped-*.jsonl"))
    assert "broken.jpg" in skipped


@pytest.mark.parametrize("runner", [(), ("--runner", "DirectRunner")])
def test_model_and_images_may_lie_on_an_object_store(
    registry, photos, tmp_path, monkeypatch, runner
):
    (tmp_path / "bucket").mkdir()
    monkeypatch.setenv("IMAGEMILL_TEST_BUCKET", str(tmp_path / "bucket"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    store = BeamStorage()
    for path in photos.rglob("*"):
        if path.is_file():
            store.write(f"bucket://shop/photos/{path.relative_to(photos)}", path.read_bytes())
    store.write("bucket://shop/list.csv", b"path\nphotos/deep/red.png\n")
    Registry("bucket://shop/registry", "colours").push(registry.in_service().path, {})
    code, *_ = run(
        "bucket://shop/registry",
        "bucket://shop/photos",
        "bucket://shop/list.csv",
        *runner,
        *("--json", "--output", tmp_path / "answers.jsonl"),
    )
    assert code == ExitCode.OK
    lines = [
        json.loads(line)
        for file in tmp_path.glob("answers.jsonl*")
        if "skipped" not in file.name
        for line in file.read_text().splitlines()
    ]
    assert sorted(line["class"] for line in lines) == sorted([*COLOURS, "red"])
    assert {line["path"] for line in lines} == {
        f"bucket://shop/photos/deep/{name}.png" for name in COLOURS
    }


def test_a_file_name_is_no_command_to_the_terminal(registry, tmp_path):
    (tmp_path / "a\x1b[2J\nb.png").write_bytes(encode(colour_image("red", 1)))
    (tmp_path / "b\x1b[2J.png").write_bytes(b"no picture")
    _, out, err = run(registry.root, tmp_path)
    assert out.startswith(f"{tmp_path}/a\\x1b[2J\\nb.png  red")
    assert err.startswith(f"Skipped {tmp_path}/b\\x1b[2J.png: ")
