"""What a run prints last."""

from __future__ import annotations

import io

from rich.console import Console

from components.retrain_check.decision import Decision
from imagemill.summary import print_summary
from pipeline.result import RunResult


def _decision(*, retrain: bool, reason: str) -> Decision:
    return Decision(
        retrain=retrain, reason=reason, data_version="d", run_version="r", in_service=None
    )


def _printed(result: RunResult) -> list[str]:
    out = io.StringIO()
    print_summary(Console(file=out, width=80), result, log_file="a.log", seconds=61.4)
    return [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def test_a_refused_model_names_the_rule_what_it_measures_and_the_ways_on():
    rules = (
        {"name": "accuracy", "value": 0.91, "limit": None, "verdict": "skipped", "detail": "share"},
        {"name": "class-recall", "value": 0.05, "limit": 0.1, "verdict": "fail", "detail": "[sea]"},
    )
    decision = _decision(retrain=True, reason="forced")
    lines = _printed(RunResult("r", (), decision, rules=rules, blessed=False, report_path="r.html"))
    assert lines[-5:] == [
        "Not blessed: class-recall. Nothing was pushed.",
        "class-recall: 0.05 against 0.1: [sea]",
        lines[-3],
        "Report    r.html",
        "61 s in all. Log: a.log",
    ]
    assert lines[-3].startswith("What to do: look at the mistakes and likely label errors")


def test_a_skipped_run_says_why_and_how_to_train_anyway():
    decision = _decision(retrain=False, reason="nothing changed")
    assert _printed(RunResult("r", (), decision)) == [
        "Nothing to train: nothing changed. Use --force to train anyway.",
        "61 s in all. Log: a.log",
    ]
