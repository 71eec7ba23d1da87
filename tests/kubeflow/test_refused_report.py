"""What is left of data that the gate refused on a cluster: a page in the registry, and who is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.data_gate.config import GateConfig
from components.data_gate.findings import GateReport
from components.data_gate.refusal import DataRefusedError, refusal
from components.model_pusher.storage import BeamStorage
from components.report.content import Report
from kubeflow import refused_report
from kubeflow.executor_input import Task, TaskArtifact
from pipeline.notify.message import messages_of
from pipeline.recorded import end_of_error
from tests.components.report.tiny_run import findings, make_sources


@pytest.fixture(scope="module")
def task(tmp_path_factory) -> Task:
    sources = make_sources(tmp_path_factory.mktemp("refused"))
    examples = TaskArtifact("e", "tfx.Examples", sources.uris["examples"])
    return Task({"examples": [examples]}, {}, {}, "")


def _refused(task: Task, **parameters: str) -> DataRefusedError:
    leak, broken = findings().findings
    report = GateReport(images=72, findings=(leak.model_copy(update={"level": "error"}), broken))
    parameters = {"name": "m", "config": GateConfig().model_dump_json(), **parameters}
    with pytest.raises(DataRefusedError) as caught, refused_report.written(task, parameters):
        raise refusal(report, GateConfig())
    return caught.value


def test_the_page_its_data_and_the_list_lie_in_the_registry(task: Task, tmp_path: Path):
    error = _refused(task, registry=str(tmp_path))
    page = Path(error.page)
    assert page.parents[1] == tmp_path / "m" / ".registry" / "refused"
    assert "data:image/jpeg;base64," in page.read_text()
    content = Report.model_validate_json(page.with_name("report.json").read_text())
    assert content.findings[0].finding.level == "error"
    assert "red/0.png" in page.with_name("fix_list.csv").read_text()
    assert error.fix.startswith(f"open {page} to see every file, and work through ")


def test_the_history_and_the_message_lead_to_it(task: Task, tmp_path: Path):
    error = _refused(task, registry=str(tmp_path))
    event = end_of_error(error)
    assert event.numbers == {"report": error.page}
    [message] = messages_of("m", event)
    assert message.text.endswith(f"The model in service stays. Report: {error.page}")


def test_a_registry_that_cannot_be_written_leaves_the_refusal_as_it_was(
    task: Task, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def away(*_: object) -> None:
        raise ConnectionError("the bucket is away")

    monkeypatch.setattr(BeamStorage, "write", away)
    error = _refused(task, registry="gs://bucket/registry")
    assert error.page == ""
    assert "imagemill check PHOTOS" in error.fix
    assert "the bucket is away" in caplog.text
