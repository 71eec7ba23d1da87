"""The report of a run that the data gate refused: the verdict, the findings with photos, the list, and no model."""

from __future__ import annotations

import csv
import io
import pickle
import re

import pytest

from components.data_gate.config import GateConfig
from components.data_gate.findings import GateReport
from components.data_gate.refusal import refusal
from components.report.config import ReportConfig
from components.report.content import Report
from components.report.refused import Refused, write_refused
from tests.components.report.tiny_run import findings, make_sources
from trainer.errors import ExitCode


@pytest.fixture(scope="module")
def gate() -> GateReport:
    """The tiny run's findings, the leak as an error."""
    leak, broken = findings().findings
    return GateReport(images=72, findings=(leak.model_copy(update={"level": "error"}), broken))


@pytest.fixture(scope="module")
def page(gate, tmp_path_factory):
    folder = tmp_path_factory.mktemp("refused")
    sources = make_sources(folder / "run")
    run = Refused(
        name="colours",
        examples=sources.uris["examples"],
        gate=gate,
        run_config=sources.run_config,
        lineage={"code_version": "c-1"},
    )
    return write_refused(folder / "out", run, ReportConfig())


def test_the_verdict_names_the_gate_and_what_is_over_its_limit(page):
    text = re.sub(r"<[^>]+>", " ", page.read_text().partition("<main")[2])
    assert "Refused by the data gate: 1 finding is over the limit, so nothing was trained." in text
    assert text.index("near duplicate in two splits: 1 of 72 images") < text.index(
        "What to look at"
    )
    assert "Quality on the held-out" not in text
    assert "12 train" not in text.partition("What to look at")[0]


def test_the_photos_are_shown_and_links_lead_somewhere(page):
    html = page.read_text()
    finding = html.partition('id="finding-near_leakage"')[2].partition("</details>")[0]
    assert finding.count("data:image/jpeg;base64,") == 2
    for target in re.findall(r'href="#([\w-]+)"', html):
        assert f'id="{target}"' in html


def test_json_and_list_lie_beside_it(page, gate):
    content = Report.model_validate_json(page.with_name("report.json").read_text())
    assert content.evaluation is None
    assert content.findings[0].finding.level == "error"
    [row] = csv.DictReader(io.StringIO(page.with_name("fix_list.csv").read_text()))
    assert (row["action"], row["path"], row["keep"]) == ("review", "red/0.png", "red/2000.png")
    assert row["level"] == "error"


def test_the_error_keeps_its_findings_between_processes(gate):
    error = pickle.loads(pickle.dumps(refusal(gate, GateConfig())))
    assert error.report == gate
    assert error.code is ExitCode.DATA_REFUSED
