"""A change of the version in service is seen by the step cache; a run's own result is not such a change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.model_pusher.registry import Registry
from components.retrain_check.decision import Decision
from pipeline.in_service import compared_with
from tests.components.model_pusher.fakes import make_model


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Three versions: 1 of data d1, 2 and 3 of data d2, 3 by other settings; each compared with the one before."""
    registry = Registry(str(tmp_path / "registry"), "scenes")
    for number, (data, run) in enumerate([("d1", "r1"), ("d2", "r1"), ("d2", "r2")], start=1):
        record = {
            "lineage.json": json.dumps({"data_version": data, "run_version": run}).encode(),
            "metrics.json": json.dumps({"baseline_version": number - 1}).encode(),
        }
        registry.push(make_model(tmp_path / f"m{number}", str(number)), record)
    return registry


def compared(registry: Registry, data_version: str, run_version: str) -> str:
    decision = Decision(
        retrain=True,
        reason="",
        data_version=data_version,
        run_version=run_version,
        in_service=None,
    )
    return compared_with(registry, decision)


def test_nothing_in_service(tmp_path: Path):
    assert compared(Registry(str(tmp_path), "scenes"), "d1", "r1") == ""


def test_another_runs_version_counts(registry: Registry):
    assert compared(registry, "d1", "r1") == "3"
    assert compared(registry, "d2", "r1") == "3"


def test_a_runs_own_version_stands_for_the_one_it_was_compared_with(registry: Registry):
    assert compared(registry, "d2", "r2") == "2"
    registry.promote(1)
    assert compared(registry, "d1", "r1") == ""


def test_a_rollback_is_seen(registry: Registry):
    registry.rollback()
    assert compared(registry, "d1", "r1") == "2"
