"""TFDV statistics of an image table, for `imagemill check`: what StatisticsGen computes of the same images.

statistics = table_statistics(table)      # {"train": ..., "test": ...}
"""

from __future__ import annotations

import numpy as np

from components.data_gate.anomalies import Statistics
from components.data_gate.image_table import ImageTable
from trainer.features import CLASS_NAME, SPLITS, STAT_PREFIX


def table_statistics(table: ImageTable) -> dict[str, Statistics]:
    """Statistics of each split that has images; images without a split count as train."""
    import pandas as pd
    import tensorflow_data_validation as tfdv

    frame = pd.DataFrame(
        {STAT_PREFIX + name: values.astype(np.float32) for name, values in table.stats.items()}
    )
    frame[CLASS_NAME] = list(table.class_names)
    splits = np.array([split or "train" for split in table.splits])
    return {
        split: tfdv.generate_statistics_from_dataframe(frame[splits == split], n_jobs=1)
        for split in SPLITS
        if (splits == split).any()
    }
