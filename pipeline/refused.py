"""The report of a run that the data gate refused: TFX keeps no output of the step that failed, so the runner writes it.

raise explained(error, plan, runner.run_id, runner.records)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from components.data_gate.refusal import DataRefusedError
from components.report.files import FIX_FILE
from components.report.refused import Refused, write_refused
from pipeline.history import refused_folder
from pipeline.recorded import Plan
from pipeline.steps import StepRecord
from pipeline.versions import run_version


def explained(
    error: DataRefusedError, plan: Plan, run_id: str, records: Sequence[StepRecord]
) -> DataRefusedError:
    """Writes the report; returns the error with the report's path in what to do next."""
    home = Path(plan.config.output) / plan.config.name
    facts = _facts(error, plan, run_id, records)
    page = write_refused(refused_folder(home, run_id), facts, plan.config.report)
    return error.leading_to(str(page), str(page.with_name(FIX_FILE)), "imagemill runs open")


def _facts(
    error: DataRefusedError, plan: Plan, run_id: str, records: Sequence[StepRecord]
) -> Refused:
    [examples] = [one.outputs["examples"] for one in records if "examples" in one.outputs]
    return Refused(
        name=plan.config.name,
        examples=examples.uri,
        gate=error.report,
        run_config=plan.config.model_dump(mode="json"),
        lineage={
            "run": run_id,
            "run_version": run_version(plan.config, plan.code_version),
            "code_version": plan.code_version,
        },
    )
