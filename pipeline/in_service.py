"""Which version in service a run's steps are compared with, as a text that identifies it in the step cache.

    compared_with(Registry("registry", "scenes"), decision)       # "3"; "" where there is none

A step that looks at the version in service gives another result when that version changes, though none of its inputs
did: without this, a run after `imagemill models rollback` reuses verdicts on a comparison with another model.
"""

from __future__ import annotations

from components.model_pusher.registry import Registry
from components.retrain_check.decision import Decision

_METRICS_FILE = "metrics.json"


def compared_with(registry: Registry, decision: Decision) -> str:
    """Number of the version in service; where this very run put it there, of the one it was compared with.

    Comparing a model with itself tells nothing, so a run that is repeated unchanged is reused whole.

    Args:
      registry: where the model lives.
      decision: what this run is made of (data, config and code).

    Returns:
      The number, or "" for no model.
    """
    version = registry.in_service()
    if version is None:
        return ""
    lineage = version.read_json("lineage.json")
    own = (lineage.get("data_version"), lineage.get("run_version"))
    if own != (decision.data_version, decision.run_version):
        return str(version.number)
    return str(version.read_json(_METRICS_FILE).get("baseline_version") or "")
