"""The error that stops a run: all findings as one readable table."""

from __future__ import annotations

from components.data_gate.config import GateConfig
from components.data_gate.findings import GateReport
from components.data_gate.text_table import text_table
from trainer.errors import ExitCode, UserError


def refusal(report: GateReport, config: GateConfig) -> UserError:
    """Exit code 3, the table, and where to go from here."""
    errors, warnings = len(report.at("error")), len(report.at("warn"))
    table = text_table(report, files_shown=config.files_shown)
    return UserError(
        f"the data must not go into training: {errors} of {errors + warnings} findings among "
        f"{report.images:,} images are over their limit\n\n{table}\n",
        fix="run `imagemill check PHOTOS --html report.html --fix-list fix.csv` to see every file and get a list "
        "to act on; or relax a limit, such as `gate.policies.near_leakage: warn`",
        code=ExitCode.DATA_REFUSED,
    )
