"""A skipped run: in ML Metadata as TFX writes it, and without the cost of TFX."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from components.image_example_gen.listing import list_images
from components.retrain_check.decision import DECISION_FILE, Decision
from pipeline.config import Config, make_config
from pipeline.history import read_runs
from pipeline.local import metadata_connection
from pipeline.recorded import Plan, recorded
from pipeline.skipped import record_skip
from pipeline.steps import StepEvent, StepState
from tests.imagemill.cli_process import imagemill
from tests.pipeline.schedule.fake_run import push
from tests.repo import ROOT


def make(tmp_path: Path) -> Config:
    for number in range(3):
        for name in ("a", "b"):
            path = tmp_path / "photos" / name / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    return make_config(
        {
            "name": "m",
            "output": str(tmp_path / "out"),
            "data": {"root": str(tmp_path / "photos")},
            "retrain": {"when": "changed"},
        },
        source="a test",
    )


def serve(config: Config, code: str) -> None:
    """A model in service made of the input as it is."""
    listing = list_images(config.data.root, config.ingest)
    recorded(Plan(config, listing, code), lambda decision: push(config, decision))


def test_the_history_of_runs_tells_of_it_and_the_next_one(tmp_path: Path):
    config = make(tmp_path)
    Path(config.output, "m").mkdir(parents=True)
    seen: list[StepEvent] = []
    decision = Decision(
        retrain=False, reason="nothing", data_version="d", run_version="c-c", in_service=None
    )
    results = [
        record_skip(config, decision, metadata_connection(config), seen.append) for _ in range(2)
    ]
    runs = read_runs(f"{config.output}/m/metadata.sqlite")
    assert [run.run_id for run in runs] == [result.run_id for result in results]
    assert {run.state for run in runs} == {"skipped"}
    (step,) = runs[1].steps
    assert (step.node_id, step.state, step.parameters["name"]) == ("retrain-check", "complete", "m")
    assert step.parameters["data_version"] == "d"
    written = Path(step.outputs["decision"].uri, DECISION_FILE)
    assert json.loads(written.read_text())["reason"] == "nothing"
    first = seen[: len(seen) // 2]
    assert [event.state for event in first[:2]] == [StepState.RUNNING, StepState.DONE]
    assert [event.state for event in first[2:]] == [StepState.RUNNING, StepState.SKIPPED] * 9


def test_the_command_shows_it(tmp_path: Path):
    """A skip needs no more than the listing: under the live view too, and in a fraction of a second."""
    from pipeline.code_version import code_version

    config = make(tmp_path)
    serve(config, code_version())
    file = tmp_path / "m.json"
    file.write_text(config.model_dump_json())
    done = imagemill("run", "--config", file, "--scheduled", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "data, config and code are those of version 1" in done.stdout


def test_the_steps_are_those_of_the_pipeline(tmp_path: Path):
    from pipeline.create import create_pipeline

    config = make(tmp_path)
    decision = Decision(
        retrain=False, reason="nothing", data_version="d", run_version="c-c", in_service=None
    )
    result = record_skip(config, decision, metadata_connection(config))
    assert [step.node_id for step in result.steps] == [
        component.id for component in create_pipeline(config).components
    ]


def test_a_skip_loads_neither_tfx_nor_tensorflow_nor_beam(tmp_path: Path):
    from pipeline.code_version import code_version

    config = make(tmp_path)
    serve(config, code_version())
    file = tmp_path / "m.json"
    file.write_text(config.model_dump_json())
    program = (
        "import sys; from pipeline.config import load_config; from pipeline.local import run_locally;"
        f"print(run_locally(load_config({str(file)!r})).skipped,"
        " {'tfx', 'tensorflow', 'apache_beam', 'keras', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "True set()\n", done.stderr
