"""The notebook of the documentation runs from top to bottom, on the real pipeline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
CHECKS = """
assert not result.blessed and "accuracy" in [r["name"] for r in result.rules if r["verdict"] == "fail"]
assert report.verdict.headline.startswith("Refused")
assert report.confused and report.labels.scored == 1797
assert Path(result.report_path).stat().st_size < 5_000_000
[run] = read_runs("output/digits/metadata.sqlite")
assert (run.state, run.blessed, run.version) == ("done", False, "")
print("every cell ran")
"""


def _cells() -> str:
    notebook = json.loads((REPO / "docs" / "notebook.ipynb").read_text())
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return "\n".join("".join(source) for source in cells)


def test_the_notebook_is_stored_without_outputs():
    notebook = json.loads((REPO / "docs" / "notebook.ipynb").read_text())
    assert not any(cell.get("outputs") for cell in notebook["cells"])


def test_its_code_is_valid():
    compile(_cells(), "notebook", "exec")


@pytest.mark.e2e
def test_it_runs_and_a_refused_model_still_has_its_report(tmp_path):
    """One epoch is refused by the demo's own limit, so this is also the report of a refused model in a real run."""
    script = tmp_path / "session.py"
    # Workers are started by name of the main module, so the session must not run on import.
    body = "\n".join(f"    {line}" for line in (_cells() + CHECKS).splitlines())
    script.write_text(f"if __name__ == '__main__':\n{body}\n")
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPO), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=560,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "every cell ran" in done.stdout
