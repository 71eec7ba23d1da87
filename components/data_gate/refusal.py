"""The error that stops a run: all findings as one readable table."""

from __future__ import annotations

from components.data_gate.config import GateConfig
from components.data_gate.findings import GateReport
from components.data_gate.text_table import text_table
from trainer.errors import ExitCode, UserError


class DataRefusedError(UserError):
    """Exit code 3, the table, where to go from here, and the findings themselves as `report`."""

    def __init__(self, message: str, *, fix: str, report: GateReport) -> None:
        super().__init__(message, fix=fix, code=ExitCode.DATA_REFUSED)
        self.report = report

    @property
    def reason(self) -> str:
        """The findings over their limit in one line, as for the history."""
        return "; ".join(
            f"{one.title}: {one.count:,} of {one.total:,} {one.unit}"
            for one in self.report.at("error")
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.message, self.fix, self.report)


def refusal(report: GateReport, config: GateConfig) -> DataRefusedError:
    """What the gate raises."""
    errors, warnings = len(report.at("error")), len(report.at("warn"))
    table = text_table(report, files_shown=config.files_shown)
    return DataRefusedError(
        f"the data must not go into training: {errors} of {errors + warnings} findings among "
        f"{report.images:,} images are over their limit\n\n{table}\n",
        fix="run `imagemill check PHOTOS --html report.html --fix-list fix.csv` to see every file and get a list "
        "to act on; or relax a limit, such as `gate.policies.near_leakage: warn`",
        report=report,
    )


def _rebuild(message: str, fix: str, report: GateReport) -> DataRefusedError:
    return DataRefusedError(message, fix=fix, report=report)
