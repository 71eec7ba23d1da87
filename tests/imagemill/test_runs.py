"""`imagemill runs` and `imagemill report` on a history of three runs, written as TFX writes it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from imagemill.cli import run_command

STEPS = (
    *("retrain-check", "image-example-gen", "trainer"),
    *("model-evaluator", "model-pusher", "report"),
)
OUTPUTS = {
    "retrain-check": "decision",
    "image-example-gen": "examples",
    "trainer": "model",
    "model-evaluator": "evaluation",
    "model-pusher": "pushed_model",
    "report": "report",
}
RUNS = ("2026-01-01T10:00:00.1", "2026-01-02T10:00:00.2", "2026-01-03T10:00:00.3")


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    """Run 1 pushes version 1, run 2 better version 2 with other settings, run 3 fails at ingest."""
    root = tmp_path_factory.mktemp("runs") / "output"
    home = root / "scenes"
    home.mkdir(parents=True)
    writer = _Writer(home)
    writer.run(RUNS[0], STEPS, accuracy=0.8, epochs=4, version="1")
    writer.run(RUNS[1], STEPS, accuracy=0.9, epochs=8, version="2")
    writer.run(RUNS[2], STEPS[:2], failed=True)
    return root


def ask(capsys, *words: str) -> tuple[int, str]:
    code = run_command(list(words))
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_list_tells_state_and_figures(output, capsys):
    code, text = ask(capsys, "runs", "list", "--json", "--output", str(output))
    rows = json.loads(text)
    assert code == 0
    assert [row["run_id"] for row in rows] == list(RUNS)
    assert [row["state"] for row in rows] == ["done", "done", "failed"]
    assert rows[1]["metrics"] == {"accuracy": 0.9}
    assert rows[1]["version"] == "2"


def test_show_names_steps_and_artifacts(output, capsys):
    code, text = ask(capsys, "runs", "show", "2", "--output", str(output / "scenes"))
    assert code == 0
    assert "model-pusher" in text
    assert "accuracy: 0.9" in text


def test_compare_tells_what_changed_and_only_that(output, capsys):
    code, text = ask(capsys, "runs", "compare", "1", "2", "--json", "--output", str(output))
    changes = json.loads(text)
    assert code == 0
    assert changes["settings"] == {"train.epochs": [4, 8]}
    assert changes["metrics"] == {"accuracy": [0.8, 0.9]}
    assert changes["code"] == {"model-evaluator": ["c-0.8", "c-0.9"], "trainer": ["t4", "t8"]}
    assert changes["outcome"] == {"version": ["1", "2"]}
    assert not changes.get("data")


def test_a_run_with_itself_differs_in_nothing(output, capsys):
    _, text = ask(capsys, "runs", "compare", "1", "1", "--output", str(output))
    assert text.strip() == "Nothing that was recorded differs."


def test_report_says_where_copies_and_prints(output, capsys, tmp_path):
    code, text = ask(capsys, "report", "2", "--output", str(output))
    assert code == 0
    assert Path(text.strip()).read_text() == "<p>report 2"
    copy = tmp_path / "mail.html"
    ask(capsys, "report", "2026-01-02", "--output", str(output), "--copy", str(copy))
    assert copy.read_text() == "<p>report 2"
    _, text = ask(capsys, "report", "1", "--json", "--output", str(output))
    assert json.loads(text) == {"version": "1"}


def test_the_report_of_refused_data_is_found_too(output, capsys):
    page = output / "scenes" / "refused" / RUNS[2].replace(":", "-") / "report.html"
    page.parent.mkdir(parents=True)
    page.write_text("<p>refused")
    try:
        code, text = ask(capsys, "report", "last", "--output", str(output))
        assert (code, Path(text.strip()).read_text()) == (0, "<p>refused")
        _, text = ask(capsys, "runs", "list", "--output", str(output))
        assert "data refused" in text
    finally:
        shutil.rmtree(page.parent)


def test_an_output_folder_that_was_moved_still_finds_its_files(output, capsys, tmp_path):
    moved = tmp_path / "elsewhere"
    output.rename(moved)
    try:
        code, text = ask(capsys, "report", "2", "--output", str(moved))
        assert (code, Path(text.strip()).is_file()) == (0, True)
    finally:
        moved.rename(output)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("report", "last"), "has no report: it is failed"),
        (("runs", "show", "9"), "there is no run 9: there are 3"),
        (("runs", "show", "2026"), "3 runs begin with '2026'"),
    ],
)
def test_what_cannot_be_found_is_said(output, capsys, words, told):
    code, text = ask(capsys, *words, "--output", str(output))
    assert code == 2
    assert told in text


def test_no_history_is_said(tmp_path, capsys):
    code, text = ask(capsys, "runs", "list", "--output", str(tmp_path))
    assert code == 2
    assert "there is no history of runs" in text


class _Writer:
    """Writes runs into ML Metadata and their files beside it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        connection = mlmd.ConnectionConfig()
        connection.sqlite.filename_uri = str(home / "metadata.sqlite")
        connection.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self._store = metadata_store.MetadataStore(connection)
        self._types = {
            name: self._store.put_context_type(mlmd.ContextType(name=name))
            for name in ("pipeline_run", "node")
        }
        self._execution = self._store.put_execution_type(mlmd.ExecutionType(name="step"))
        self._artifact = self._store.put_artifact_type(mlmd.ArtifactType(name="thing"))
        self._nodes: dict[str, int] = {}

    def run(self, run_id: str, steps, failed: bool = False, **facts) -> None:
        context = mlmd.Context(type_id=self._types["pipeline_run"], name=run_id)
        [run] = self._store.put_contexts([context])
        for step in steps:
            state = (
                mlmd.Execution.FAILED if failed and step == steps[-1] else mlmd.Execution.COMPLETE
            )
            self._step(run, step, state, facts)

    def _step(self, run: int, step: str, state, facts) -> None:
        execution = mlmd.Execution(type_id=self._execution, last_known_state=state)
        if step == "model-pusher":
            config = {"train": {"epochs": facts["epochs"], "seed": 1}}
            execution.custom_properties["run_config"].string_value = json.dumps(config)
        if step == "image-example-gen":
            execution.custom_properties["code_version"].string_value = "same"
        if step == "trainer":
            custom = json.dumps({"code_version": f"t{facts['epochs']}"})
            execution.custom_properties["custom_config"].string_value = custom
        if step == "model-evaluator":
            version = f"c-{facts['accuracy']}"
            execution.custom_properties["code_version"].string_value = version
        pairs = [] if state == mlmd.Execution.FAILED else [self._output(step, facts)]
        contexts = [mlmd.Context(id=one) for one in (run, self._node(step))]
        known = self._store.get_contexts_by_id([one.id for one in contexts])
        self._store.put_execution(execution, pairs, known)

    def _node(self, step: str) -> int:
        if step not in self._nodes:
            node = mlmd.Context(type_id=self._types["node"], name=f"scenes.{step}")
            [self._nodes[step]] = self._store.put_contexts([node])
        return self._nodes[step]

    def _output(self, step: str, facts) -> tuple[mlmd.Artifact, mlmd.Event]:
        folder = self._home / "pipeline" / step / OUTPUTS[step] / facts.get("version", "0")
        folder.mkdir(parents=True)
        artifact = mlmd.Artifact(type_id=self._artifact, uri=str(folder))
        if step == "model-pusher":
            artifact.custom_properties["version"].string_value = facts["version"]
        if step == "model-evaluator":
            metrics = {"overall": {"accuracy": facts["accuracy"]}}
            (folder / "metrics.json").write_text(json.dumps(metrics))
        if step == "report":
            (folder / "report.html").write_text(f"<p>report {facts['version']}")
            (folder / "report.json").write_text(json.dumps({"version": facts["version"]}))
        event = mlmd.Event(type=mlmd.Event.OUTPUT)
        event.path.steps.add().key = OUTPUTS[step]
        event.path.steps.add().index = 0
        return artifact, event
