"""Which statistics TFDV computes: of labels and per-image measures, never of encoded bytes; sliced by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.image_example_gen.measures import NAMES
from trainer.features import CLASS_NAME, FORMAT, HEIGHT, LABEL, STAT_PREFIX, WIDTH

if TYPE_CHECKING:
    import tensorflow_data_validation as tfdv

FEATURES = (CLASS_NAME, LABEL, FORMAT, HEIGHT, WIDTH, *(STAT_PREFIX + name for name in NAMES))


def stats_options() -> tfdv.StatsOptions:
    """Options for TFX's StatisticsGen."""
    import tensorflow_data_validation as tfdv
    from tfx_bsl.public.proto import slicing_spec_pb2

    by_class = slicing_spec_pb2.SlicingSpec(feature_keys=[CLASS_NAME])
    return tfdv.StatsOptions(
        feature_allowlist=list(FEATURES),
        slicing_config=slicing_spec_pb2.SlicingConfig(slicing_specs=[by_class]),
    )
