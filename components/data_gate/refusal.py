"""The error that stops a run: all findings as one readable table."""

from __future__ import annotations

from components.data_gate.config import GateConfig
from components.data_gate.findings import GateReport
from components.data_gate.text_table import text_table
from trainer.errors import ExitCode, UserError

_RELAX = "relax a limit, such as `gate.policies.near_leakage: warn`"


class DataRefusedError(UserError):
    """Exit code 3, the table, where to go from here, the findings themselves as `report`.

    `page` is where the report of them lies, "" until one is written.
    """

    def __init__(self, message: str, *, fix: str, report: GateReport, page: str = "") -> None:
        super().__init__(message, fix=fix, code=ExitCode.DATA_REFUSED)
        self.report = report
        self.page = page

    @property
    def reason(self) -> str:
        """The findings over their limit in one line, as for the history."""
        return "; ".join(
            f"{one.title}: {one.count:,} of {one.total:,} {one.unit}"
            for one in self.report.at("error")
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.message, self.fix, self.report, self.page)

    def leading_to(self, page: str, fixes: str, command: str = "") -> DataRefusedError:
        """The same error once its report is written.

        Args:
          page: where the page is.
          fixes: where the list of files to act on is.
          command: what opens the page, if anything does.
        """
        opened = f" (`{command}`)" if command else ""
        fix = f"open {page}{opened} to see every file, and work through {fixes}; or {_RELAX}"
        return DataRefusedError(self.message, fix=fix, report=self.report, page=page)


def refusal(report: GateReport, config: GateConfig) -> DataRefusedError:
    """What the gate raises."""
    errors, warnings = len(report.at("error")), len(report.at("warn"))
    table = text_table(report, files_shown=config.files_shown)
    return DataRefusedError(
        f"the data must not go into training: {errors} of {errors + warnings} findings among "
        f"{report.images:,} images are over their limit\n\n{table}\n",
        fix="run `imagemill check PHOTOS --html report.html --fix-list fix.csv` to see every file and get a list "
        f"to act on; or {_RELAX}",
        report=report,
    )


def _rebuild(message: str, fix: str, report: GateReport, page: str) -> DataRefusedError:
    return DataRefusedError(message, fix=fix, report=report, page=page)
