"""What was settled only in training, from the history that the trainer writes.

training_facts({"start": "from imagenet", "temperature": 1.21})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def training_facts(told: Mapping[str, Any]) -> dict[str, str]:
    """The history as lines: where training began, in which numbers, what a search found, how sure the model is."""
    facts = {}
    if start := told.get("start"):
        facts["began"] = start
    if precision := told.get("precision"):
        facts["computed in"] = f"{precision['policy']}: {precision['why']}"
    if tuned := told.get("tuned"):
        facts["found by search"] = ", ".join(f"{name} {value:.3g}" for name, value in tuned.items())
    if temperature := told.get("temperature"):
        facts["temperature"] = (
            f"{temperature:.3g}, by which logits are divided for honest confidence"
        )
    return facts
