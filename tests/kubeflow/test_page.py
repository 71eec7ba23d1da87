"""A page for KFP's UI: one more output of the compiled step, filled by the entrypoint, unknown to the executor."""

from __future__ import annotations

import pytest

from kubeflow import compile as compile_module
from kubeflow.page import Page
from tests.kubeflow.test_entrypoint import _as_before, _run  # noqa: F401 (a fixture)

RULE = Page("make", "examples", "Split-train/data", "page")


@pytest.fixture(autouse=True)
def _with_page(monkeypatch):
    monkeypatch.setattr(compile_module, "PAGES", (RULE,))


def test_the_page_is_one_file_in_the_object_store(tmp_path):
    run = _run(tmp_path)
    assert run.failed == []
    page = run.artifacts["make"]["page"]
    assert page.type == {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}
    stored = tmp_path / "bucket" / page.uri.partition("://")[2]
    assert stored.read_text() == "8"  # what the step wrote into its own output


def test_a_page_that_was_not_made_is_left_out(tmp_path, monkeypatch):
    nothing = Page("make", "examples", "report.html", "page")
    monkeypatch.setattr(compile_module, "PAGES", (nothing,))
    run = _run(tmp_path)
    assert run.failed == []
    page = run.artifacts["make"]["page"]
    assert not (tmp_path / "bucket" / page.uri.partition("://")[2]).exists()


def test_the_report_is_what_the_ui_shows():
    from tests.kubeflow import golden

    spec, _ = golden.read(golden.DOCUMENT)
    outputs = spec["components"]["report"]["outputDefinitions"]["artifacts"]
    assert outputs["page"]["artifactType"]["schemaTitle"] == "system.HTML"
    assert set(outputs) == {"report", "page"}
    args = spec["deploymentSpec"]["executors"]["report_executor"]["container"]["args"]
    assert args[args.index("--page") + 1] == "page=report/report.html"
