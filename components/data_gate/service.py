"""What the registry knows of the data behind the model in service.

served = read_served("registry", "scenes")      # None before the first push
served.class_names, served.statistics["train"]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from components.data_gate.anomalies import STATISTICS_FILE, Statistics, is_empty
from components.model_pusher.registry import Registry
from trainer.features import DATASET_FILE, SPLITS


@dataclasses.dataclass(frozen=True)
class Served:
    """The data that the model in service was made from.

    Attributes:
      version: its number.
      class_names: its classes.
      statistics: by split; empty where it was pushed without.
    """

    version: int
    class_names: tuple[str, ...]
    statistics: Mapping[str, Statistics]


def read_served(registry: str, name: str) -> Served | None:
    """The data of the model in service; None where there is no registry or nothing in service."""
    version = Registry(registry, name).in_service() if registry else None
    if version is None:
        return None
    statistics = {}
    for split in SPLITS:
        try:
            data = version.read_bytes(f"statistics/Split-{split}/{STATISTICS_FILE}")
        except FileNotFoundError:
            continue
        found = Statistics.FromString(data)
        if not is_empty(found):
            statistics[split] = found
    dataset = version.read_json(DATASET_FILE)
    return Served(version.number, tuple(dataset.get("class_names", ())), statistics)
