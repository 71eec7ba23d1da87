"""Every branch of the decision to train."""

from __future__ import annotations

import pytest

from components.retrain_check.config import RetrainConfig
from components.retrain_check.decision import Served, decide

SERVED = Served(version=3, data_version="d1", run_version="r1")


@pytest.mark.parametrize(
    ("when", "data", "run", "served", "force", "retrain", "reason"),
    [
        ("changed", "d1", "r1", None, False, True, "no model is in service"),
        ("changed", "d1", "r1", SERVED, False, False, "those of version 3"),
        ("changed", "d2", "r1", SERVED, False, True, "the data changed since version 3"),
        ("changed", "d1", "r2", SERVED, False, True, "the config or the code changed"),
        ("changed", "d1", "r1", SERVED, True, True, "forced"),
        ("always", "d1", "r1", SERVED, False, True, "retrain.when: always"),
    ],
)
def test_decide(when, data, run, served, force, retrain, reason):
    decision = decide(
        RetrainConfig(when=when),
        data_version=data,
        run_version=run,
        in_service=served,
        force=force,
    )
    assert decision.retrain is retrain
    assert reason in decision.reason
    assert (decision.data_version, decision.run_version, decision.in_service) == (data, run, served)
