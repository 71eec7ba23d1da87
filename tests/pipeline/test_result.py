from __future__ import annotations

import json
from pathlib import Path

from components.report.files import PAGE_FILE
from components.retrain_check.decision import Decision
from pipeline.config import Config
from pipeline.result import RunResult, read_result
from pipeline.steps import ArtifactRecord, StepRecord, StepState
from trainer.features import DATASET_FILE, DatasetInfo


def _result(folder: Path, checks: dict[str, bool]) -> RunResult:
    """Of a run whose evaluation blessed the model, and whose validator came to these checks."""
    info = DatasetInfo(class_names=("a", "b"), counts={}, data_version="d", stored_size=32)
    (folder / DATASET_FILE).write_text(info.model_dump_json())
    (folder / "metrics.json").write_text(json.dumps({"rules": [], "overall": {"accuracy": 0.9}}))
    served = {"blessed": int(all(checks.values())), "checks": json.dumps(checks)}
    outputs = {
        "image-example-gen": {"examples": {}},
        "model-evaluator": {"evaluation": {}, "blessing": {"blessed": 1}},
        "model-validator": {"blessing": served},
        "model-pusher": {"pushed_model": {"pushed": 0}},
        "report": {"report": {}},
    }
    records = [
        StepRecord(
            step,
            StepState.DONE,
            1.0,
            outputs={key: ArtifactRecord(str(folder), values) for key, values in artifacts.items()},
        )
        for step, artifacts in outputs.items()
    ]
    decision = Decision(
        retrain=True, reason="forced", data_version="d", run_version="r", in_service=None
    )
    return read_result(Config(name="m", data={"root": "photos"}), "run", records, decision)


def test_a_model_that_answers_badly_is_refused_with_the_file_to_read(tmp_path: Path):
    result = _result(tmp_path, {"starts": True, "memory": False})
    assert result.blessed is False
    assert result.rules == (
        {
            "name": "answers-requests",
            "value": 1,
            "limit": 2,
            "verdict": "fail",
            "detail": "failed: memory",
            "fix": f"read what came back in {tmp_path}/checks.json",
        },
    )
    assert result.report_path == f"{tmp_path}/{PAGE_FILE}"


def test_a_model_that_answers_well_is_blessed_and_needs_no_advice(tmp_path: Path):
    result = _result(tmp_path, {"starts": True, "memory": True})
    assert result.blessed is True
    assert result.rules[0]["verdict"] == "pass"
    assert result.rules[0]["fix"] == ""
