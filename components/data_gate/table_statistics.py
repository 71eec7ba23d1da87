"""TFDV statistics of an image table, for `imagemill check`: what StatisticsGen computes of the same images.

statistics = table_statistics(table)      # {"train": ..., "test": ...}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.data_gate.anomalies import Statistics
from components.data_gate.compare import WHOLE
from components.data_gate.image_table import ImageTable
from trainer.features import CLASS_NAME, SPLITS, STAT_PREFIX

if TYPE_CHECKING:
    import pandas as pd


def table_statistics(table: ImageTable, *, by_class: bool = False) -> dict[str, Statistics]:
    """Statistics of each split that has images; images without a split count as train.

    Args:
      table: at least one row.
      by_class: a slice for every class besides all examples, named as StatisticsGen does.
    """
    import pandas as pd

    frame = pd.DataFrame(
        {STAT_PREFIX + name: values.astype(np.float32) for name, values in table.stats.items()}
    )
    frame[CLASS_NAME] = list(table.class_names)
    splits = np.array([split or "train" for split in table.splits])
    return {
        split: _statistics(frame[splits == split], by_class)
        for split in SPLITS
        if (splits == split).any()
    }


def _statistics(frame: pd.DataFrame, by_class: bool) -> Statistics:
    found = _generate(frame)
    if not by_class:
        return found
    found.datasets[0].name = WHOLE
    for name, part in frame.groupby(CLASS_NAME, sort=True):
        [dataset] = _generate(part).datasets
        dataset.name = f"{CLASS_NAME}_{name}"
        found.datasets.append(dataset)
    return found


def _generate(frame: pd.DataFrame) -> Statistics:
    import tensorflow_data_validation as tfdv

    # An index other than 0, 1, 2, ... would count as a feature.
    whole = frame.reset_index(drop=True)
    found: Statistics = tfdv.generate_statistics_from_dataframe(whole, n_jobs=1)
    return found
