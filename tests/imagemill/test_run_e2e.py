"""Real runs of the real command: photos to a pushed model, again from the cache, interrupted, refused."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.components.data_gate.planted import plant
from tests.imagemill.cli_process import environment, imagemill
from tests.imagemill.photos import write_photos
from tests.shared import shared_path
from trainer.errors import ExitCode

# The first test runs the command five times.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

_SMALL = (
    *("--weights", "none", "--alpha", "0.75", "--image-size", "32", "--epochs", "3"),
    *("--set", "train.export.tflite_int8=false", "--set", "train.head.iterations=0"),
    # Three epochs make no good model; these tests are about everything else.
    *("--set", "evaluate.min_gain=null", "--set", "evaluate.min_class_recall=null"),
    *("--set", "evaluate.max_calibration_error=null"),
)
_SEARCH = (
    *("--set", "tune.enabled=true", "--set", "tune.trials=2", "--set", "tune.epochs=1"),
    *("--set", "tune.learning_rate=[0.005, 0.006]"),
)
_PLAIN_REPORT = ("--set", "report.heatmaps=0", "--set", "report.scored=0")
_NO_TRAINING = (
    *("--epochs", "0", "--set", "train.export.keras=false", "--set", "train.export.tflite=false"),
)
_BEFORE_TRAINING = ("image-example-gen", "statistics-gen", "schema-gen", "data-gate")


def _photos(folder: Path) -> Path:
    return write_photos(folder / "photos", {"cat": 60, "dog": 60, "owl": 60})


def _result(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _interrupt_in_training(photos: Path, folder: Path) -> None:
    """Ctrl-C some seconds into a training of hours."""
    command = [sys.executable, "-m", "imagemill", "run", str(photos), *_SMALL]
    with subprocess.Popen(
        [*command, "--epochs", "2000"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith("Train ..."):
                break
        time.sleep(5)
        os.killpg(run.pid, signal.SIGINT)
        _, err = run.communicate(timeout=120)
    assert run.returncode == ExitCode.INTERRUPTED, err
    assert "Traceback" not in err
    assert "Interrupted" in err


def test_ctrl_c_in_training_then_a_pushed_model_and_again_from_the_cache(tmp_path: Path):
    photos = _photos(tmp_path)
    _interrupt_in_training(photos, tmp_path)
    settings = (*_SMALL, *_SEARCH, *_PLAIN_REPORT)
    first = _result(imagemill("run", photos, *settings, "--json", cwd=tmp_path))
    assert first["blessed"] is True
    assert first["pushed_version"] == "1"
    states = {step["id"]: step["state"] for step in first["steps"]}
    assert {name for name, state in states.items() if state == "cached"} == {*_BEFORE_TRAINING}
    assert {state for name, state in states.items() if name not in _BEFORE_TRAINING} == {"done"}
    assert sum(map(sum, (c.values() for c in first["dataset"]["counts"].values()))) == 180
    assert (tmp_path / first["model_path"] / "saved_model.pb").exists()
    (history,) = tmp_path.glob("imagemill-output/*/pipeline/trainer/model_run/*/history.json")
    assert 0.005 <= json.loads(history.read_text())["tuned"]["learning_rate"] <= 0.006

    second = _result(imagemill("run", photos, *settings, "--json", cwd=tmp_path))
    assert {step["state"] for step in second["steps"]} == {"cached"}
    assert second["model_path"] == first["model_path"]

    shutil.rmtree(tmp_path / first["model_path"])
    lost = imagemill("run", photos, *settings, cwd=tmp_path)
    assert lost.returncode == ExitCode.USAGE
    assert "pushed version 1, but the registry" in lost.stderr

    (photos / "cat" / "new.jpg").write_bytes((photos / "cat" / "000.jpg").read_bytes())
    when = ("--set", "retrain.when=changed")
    settings = (*_SMALL, *_NO_TRAINING, *_PLAIN_REPORT, *when)
    anew = _result(imagemill("run", "photos", *settings, "--json", cwd=tmp_path))
    assert "no model is in service" in anew["decision"]["reason"]


def test_a_class_of_broken_files_is_refused_and_named(tmp_path: Path):
    photos = write_photos(tmp_path / "photos", {"cat": 20, "dog": 20})
    (photos / "owl").mkdir()
    for number in range(20):
        (photos / "owl" / f"{number}.jpg").write_bytes(b"\xff\xd8 not a photo")
    done = imagemill("run", photos, *_SMALL, cwd=tmp_path)
    assert done.returncode == ExitCode.DATA_REFUSED, done.stderr
    assert "owl" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Log: " in done.stderr


def test_dirty_photos_and_a_model_below_the_limit_end_in_a_report_of_all_of_it(tmp_path: Path):
    planted = plant(shared_path("data/scenes"), tmp_path / "photos", train=40, test=20)
    # Blur is to be seen at the size of photos, not of these models.
    small = (*_SMALL, "--set", "data.stored_size=150")
    refused = imagemill("run", "photos", *small, cwd=tmp_path)
    assert refused.returncode == ExitCode.DATA_REFUSED, refused.stderr
    page = tmp_path / imagemill("report", cwd=tmp_path).stdout.strip()
    assert "Refused by the data gate" in page.read_text()
    _assert_led_to_every_planted_file(page, planted.files)

    done = imagemill(
        *("run", "photos", *small, "--json"),
        *("--set", "gate.policies.leakage=warn", "--set", "gate.policies.label_conflicts=warn"),
        *("--set", "evaluate.min_accuracy=1.0", "--epochs", "1", "--learning-rate", "1e-7"),
        cwd=tmp_path,
    )
    assert done.returncode == ExitCode.NOT_BLESSED, done.stderr
    result = json.loads(done.stdout)
    assert result["pushed_version"] is None
    broken = [rule["name"] for rule in result["rules"] if rule["verdict"] != "pass"]
    assert any("accuracy" in name for name in broken)
    _assert_led_to_every_planted_file(tmp_path / result["report_path"], planted.files)


def _assert_led_to_every_planted_file(page: Path, planted: dict[str, set[str]]) -> None:
    """Each is named in a finding, with thumbnails where it has pixels, and in the list of what to do.

    The ingest mends exact leaks by itself, and what is left of them are exact duplicates.
    """
    html = page.read_text()
    fixes = list(csv.DictReader(page.with_name("fix_list.csv").read_text().splitlines()))
    for planted_as, files in planted.items():
        mended = planted_as == "leakage" and 'href="#finding-leakage"' not in html
        kind = "exact_duplicates" if mended else planted_as
        assert f'href="#finding-{kind}"' in html
        finding = html.partition(f'id="finding-{kind}"')[2].partition("</details>")[0]
        assert {file for file in files if file not in finding} == set()
        if kind != "unreadable_files":
            assert finding.count("data:image/jpeg;base64,") >= len(files)
        rows = [row for row in fixes if row["finding"] == kind]
        assert files <= {row[place] for row in rows for place in ("path", "keep")}
