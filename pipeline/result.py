"""What a run came to, read from its steps' outputs; free of TFX, so that anything can print it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.model_validator.files import CHECKS_FILE
from components.report.files import PAGE_FILE
from components.retrain_check.decision import Decision
from pipeline.config import Config
from pipeline.steps import ArtifactRecord, StepRecord, StepState
from trainer.features import DATASET_FILE, DatasetInfo


@dataclass(frozen=True)
class RunResult:
    """A finished run.

    Attributes:
      run_id: the pipeline run's id in ML Metadata.
      steps: what became of each step, in order.
      decision: why it trained, or did not.
      dataset: what the examples hold; None where the run was skipped.
      rules: the evaluation's rules, each a dict with name, value, limit, verdict, detail and fix.
      metrics: overall figures on the test split.
      blessed: True, False, or None where nothing was evaluated.
      pushed_version: the registry version that this run pushed; None where it pushed none.
      model_path: the SavedModel in the registry, where pushed.
      report_path: the HTML page that tells all of it, where one was written.
    """

    run_id: str
    steps: tuple[StepRecord, ...]
    decision: Decision
    dataset: DatasetInfo | None = None
    rules: tuple[dict[str, Any], ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    blessed: bool | None = None
    pushed_version: str | None = None
    model_path: str | None = None
    report_path: str | None = None

    @property
    def skipped(self) -> bool:
        """True where `retrain-check` found no reason to train."""
        return not self.decision.retrain

    @property
    def all_cached(self) -> bool:
        """True where every step was reused from an earlier run."""
        return all(step.state is StepState.CACHED for step in self.steps)


def read_result(
    config: Config, run_id: str, records: Sequence[StepRecord], decision: Decision
) -> RunResult:
    """Collects the outputs that a person wants to see.

    Args:
      config: all settings.
      run_id: the pipeline run's id in ML Metadata.
      records: what became of each step.
      decision: why it trained, or did not; a reused `retrain-check` step holds an earlier one.
    """
    outputs = {record.node_id: record.outputs for record in records}
    if not decision.retrain:
        return RunResult(run_id, tuple(records), decision)
    examples = outputs["image-example-gen"]["examples"].uri
    evaluation = json.loads(_text(outputs["model-evaluator"]["evaluation"].uri, "metrics.json"))
    blessing = outputs["model-evaluator"]["blessing"].properties
    served = _served_rule(outputs["model-validator"]["blessing"])
    pushed = outputs["model-pusher"]["pushed_model"].properties
    version = str(pushed.get("version", "")) if pushed.get("pushed") else None
    return RunResult(
        run_id,
        tuple(records),
        decision,
        dataset=DatasetInfo.model_validate_json(_text(examples, DATASET_FILE)),
        rules=(*evaluation["rules"], served),
        metrics=evaluation["overall"],
        blessed=bool(blessing.get("blessed")) and served["verdict"] == "pass",
        pushed_version=version,
        model_path=f"{config.registry_root}/{config.name}/{version}" if version else None,
        report_path=_report(outputs.get("report", {})),
    )


def _served_rule(blessing: ArtifactRecord) -> dict[str, Any]:
    """The model validator's checks as one more rule."""
    checks: dict[str, bool] = json.loads(blessing.properties.get("checks", "{}"))
    failed = [name for name, passed in checks.items() if not passed]
    blessed = bool(blessing.properties.get("blessed"))
    return {
        "name": "answers-requests",
        "value": len(checks) - len(failed),
        "limit": len(checks),
        "verdict": "pass" if blessed else "fail",
        "detail": f"failed: {', '.join(failed)}" if failed else "a fresh server's answers are good",
        "fix": "" if blessed else f"read what came back in {blessing.uri}/{CHECKS_FILE}",
    }


def _report(outputs: Mapping[str, ArtifactRecord]) -> str | None:
    return f"{outputs['report'].uri}/{PAGE_FILE}" if "report" in outputs else None


def _text(folder: str, name: str) -> str:
    return (Path(folder) / name).read_text(encoding="utf-8")
