"""Search over a small space of training settings with KerasTuner.

    config = apply_values(config, {"learning_rate": 3e-4})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer.config import TrainConfig


def apply_values(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """Settings with the values of a trial; a dotted name reaches into a group."""
    merged = config.model_dump(mode="json")
    for name, value in values.items():
        group = merged
        *parents, last = name.split(".")
        for parent in parents:
            group = group[parent]
        if last in group:
            group[last] = value
    return TrainConfig.model_validate(merged)
