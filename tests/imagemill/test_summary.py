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


def _rule(name: str, value: float, limit: float | None, fix: str = "") -> dict[str, object]:
    verdict = "skipped" if limit is None else "fail"
    return {
        "name": name,
        "value": value,
        "limit": limit,
        "verdict": verdict,
        "detail": "[sea]",
        "fix": fix,
    }


def test_a_refused_model_names_each_rule_what_it_measures_and_once_what_to_do():
    rules = (
        _rule("log-loss", 0.91, None),
        _rule("class-recall", 0.05, 0.1, "[look] at it"),
        _rule("class-drop", 0.4, 0.1, "[look] at it"),
        _rule("latency", 1500.0, 1000.0, "measure again"),
    )
    decision = _decision(retrain=True, reason="forced")
    lines = _printed(RunResult("r", (), decision, rules=rules, blessed=False, report_path="r.html"))
    assert lines[-9:] == [
        "Not blessed: class-recall, class-drop, latency. Nothing was pushed.",
        "class-recall: 0.05 against 0.1: [sea]",
        "class-drop: 0.4 against 0.1: [sea]",
        "latency: 1500 against 1000: [sea]",
        "What to do: [look] at it",
        "What to do: measure again",
        "Limits are settings of `evaluate:` and `validator:` (`imagemill config explain SECTION`).",
        "Report    r.html",
        "61 s in all. Log: a.log",
    ]


def test_a_skipped_run_says_why_and_how_to_train_anyway():
    decision = _decision(retrain=False, reason="nothing changed")
    assert _printed(RunResult("r", (), decision)) == [
        "Nothing to train: nothing changed. Use --force to train anyway.",
        "61 s in all. Log: a.log",
    ]
