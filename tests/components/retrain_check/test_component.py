"""The component under TFX's runner: it publishes what it was handed, or decides by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.image_example_gen.config import IngestConfig
from components.retrain_check.config import RetrainConfig
from components.retrain_check.decision import Decision, decide
from components.retrain_check.facts import Facts
from components.retrain_check.handed import decided, handed
from components.retrain_check.history import History
from tests.components.retrain_check.test_decision import NOW


def _run(tmp_path: Path, *, decided_before: str, policy: RetrainConfig) -> Any:
    from tfx.orchestration.metadata import sqlite_metadata_connection_config
    from tfx.orchestration.pipeline import Pipeline

    from components.retrain_check.component import RetrainCheck
    from pipeline.runner import WatchedRunner

    for name in ("a/1.jpg", "b/1.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).touch()
    check = RetrainCheck(
        data_root=str(tmp_path / "photos"),
        registry=str(tmp_path / "registry"),
        name="m",
        data_version="",
        run_version="r-c",
        force=0,
        decided=decided_before,
        ingest=IngestConfig(),
        config=policy,
    ).with_id("retrain-check")
    connection = sqlite_metadata_connection_config(str(tmp_path / "m.sqlite"))
    runner = WatchedRunner()
    runner.run(
        Pipeline(
            "m",
            str(tmp_path / "root"),
            components=[check],
            enable_cache=True,
            metadata_connection_config=connection,
        )
    )
    (record,) = runner.records
    return record


def test_handed_decisions_are_published_and_reused_only_where_equal(tmp_path):
    policy = RetrainConfig(when="changed")
    facts = Facts(now=NOW, data_version="d", run_version="r-c")
    decision = decide(policy, facts)
    skip = decision.model_copy(update={"retrain": False, "reason": "nothing changed"})
    states = []
    for given, unique in (
        (decision, "1"),
        (decision, "2"),
        (skip, "3"),
        (skip, "4"),
        (decision, "5"),
    ):
        with handed(given):
            record = _run(tmp_path, decided_before=decided(given, unique), policy=policy)
        output = record.outputs["decision"]
        assert output.properties["retrain"] == int(given.retrain)
        written = Decision.model_validate_json(Path(output.uri, "decision.json").read_text())
        assert written == given
        states.append(record.state.value)
    assert states == ["done", "cached", "done", "done", "cached"]
    assert History(str(tmp_path / "registry"), "m").events() == []


def test_alone_as_on_a_cluster_it_decides_and_writes_the_history(tmp_path):
    record = _run(tmp_path, decided_before="", policy=RetrainConfig(when="changed"))
    output = record.outputs["decision"]
    assert output.properties["retrain"] == 1
    assert json.loads(Path(output.uri, "decision.json").read_text())["when"] == "changed"
    (event,) = History(str(tmp_path / "registry"), "m").events()
    assert (event.kind, event.by, event.retrain) == ("check", "kubeflow", True)
