"""The page in a real browser: sorting by keyboard, phone width, both themes, no request, and axe finds nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from components.model_pusher.card.content import make_card
from components.model_pusher.card.page import as_html
from components.report.compose import compose
from components.report.config import ReportConfig
from components.report.content import Report
from components.report.page import render
from tests.components.report.tiny_run import evaluation, make_sources
from tests.components.serving.browser import headless_browser

_AXE = "axe-core@4.14.1"
_PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
_RUN_AXE = """
window.axeDone = null;
axe.run(document, {resultTypes: ['violations']}).then(found => {
  window.axeDone = {
    passes: found.passes.length,
    violations: found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target).join(' ')}`),
  };
});
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    config = ReportConfig()
    file = folder / "report.html"
    content = compose(make_sources(folder / "run"), config)
    file.with_name("report.json").write_text(content.model_dump_json())
    file.write_text(render(content, config))
    return file


@pytest.fixture(scope="module")
def chromium():
    with headless_browser() as browser:
        yield browser


@pytest.fixture
def browser(chromium, page):
    chromium.open(f"file://{page}")
    return chromium


def test_it_asks_for_nothing_and_complains_about_nothing(browser):
    names = browser.run("return performance.getEntriesByType('resource').map(e => e.name)")
    assert [name for name in names if not name.startswith("data:")] == []
    assert browser.console() == []


def test_a_table_sorts_both_ways_by_its_buttons(browser):
    recall = """
    const table = document.querySelector('#data table');
    const names = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent);
    const button = table.tHead.rows[0].cells[0].querySelector('button');
    button.focus(); button.click(); const up = names();
    button.click(); const down = names();
    return [document.activeElement === button, up, down, button.parentElement.ariaSort];
    """
    focused, up, down, direction = browser.run(recall)
    assert focused
    assert up == ["blue", "green", "red"]
    assert down == up[::-1]
    assert direction == "descending"


def test_a_link_to_a_finding_opens_it(browser):
    script = """
    const finding = document.getElementById('finding-unreadable_files');
    finding.open = false; location.hash = '#finding-unreadable_files';
    """
    browser.run(script)
    assert browser.wait_for("return document.getElementById('finding-unreadable_files').open")


def test_nothing_sticks_out_on_a_phone(browser):
    _emulate(browser, _PHONE)
    try:
        wide = """
        return [document.documentElement.scrollWidth, innerWidth];
        """
        content, window = browser.run(wide)
        assert content <= window == 360
    finally:
        _emulate(browser, {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(browser, axe, theme):
    browser.run("document.documentElement.dataset.theme = arguments[0]", theme)
    # The page's own policy forbids foreign scripts; a driver's scripts are not bound by it.
    browser.run(axe + _RUN_AXE)
    found = browser.wait_for("return window.axeDone")
    assert found["violations"] == []
    assert found["passes"] > 30


@pytest.mark.parametrize("which", ["refused", "card"])
def test_axe_finds_nothing_in_the_other_pages(chromium, axe, page, which, tmp_path):
    """The report of refused data, and the model card."""
    file = tmp_path / "page.html"
    if which == "refused":
        sources = Report.model_validate_json(page.with_name("report.json").read_text())
        refused = sources.model_copy(
            update={"evaluation": None, "epochs": (), "training": {}, "augmentation": ()}
        )
        file.write_text(render(refused, ReportConfig(), "action,path\ndelete,a.jpg\n"))
    else:
        config = {"name": "colours", "card": {"owners": ["a team"]}}
        metrics = evaluation().model_dump(mode="json")
        file.write_text(as_html(make_card(config, {}, metrics, {"code_version": "c"})))
    chromium.open(f"file://{file}")
    assert chromium.run("return document.documentElement.scrollWidth <= innerWidth")
    chromium.run(axe + _RUN_AXE)
    assert chromium.wait_for("return window.axeDone")["violations"] == []


@pytest.fixture(scope="module")
def axe(tmp_path_factory) -> str:
    """The source of axe-core, fetched by npm; skips where npm is missing, except in CI."""
    npm = shutil.which("npm")
    if npm is None:
        missing = "npm is missing: it fetches axe-core"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run([npm, "pack", "--silent", _AXE], cwd=folder, check=True, capture_output=True)
    [archive] = folder.glob("*.tgz")
    with tarfile.open(archive) as files:
        source = files.extractfile("package/axe.min.js")
        assert source is not None
        return source.read().decode()


def _emulate(browser, metrics: dict) -> None:
    body = {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
    browser._command("POST", "/goog/cdp/execute", body)
