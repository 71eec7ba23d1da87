"""Drift that only shows in the pixels: a sample of new images against the statistics of the model in service.

    findings = image_drift(config, incoming, version, ingest, seed=data_version)

Brightness, contrast, sharpness and the rest are measured with the ingest's own code, and laid into the very bins of the
histograms that TFDV made of that model's training data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.image_example_gen import paths
from components.image_example_gen.config import IngestConfig
from components.image_example_gen.decoder import DecodeError, Limits, prepare
from components.image_example_gen.listing import ImageFile
from components.image_example_gen.measures import measure
from components.model_pusher.version import Version
from components.retrain_check.config import DriftConfig
from components.retrain_check.drift import jensen_shannon, sample_of
from components.retrain_check.facts import DriftFinding
from trainer.features import STAT_PREFIX

REFERENCE = "statistics/Split-train/FeatureStats.pb"
_MIB = 1 << 20


def image_drift(
    config: DriftConfig,
    incoming: Sequence[ImageFile],
    version: Version,
    ingest: IngestConfig,
    seed: str,
) -> tuple[DriftFinding, ...]:
    """One finding a measure; () where the version has no statistics or nothing could be decoded."""
    if not version.has(REFERENCE):
        return ()
    reference = histograms(version.read_bytes(REFERENCE))
    sample = sample_of(incoming, config.sample, seed)
    rows = [row for row in (_measured(file, ingest) for file in sample) if row]
    if not rows:
        return ()
    return tuple(
        DriftFinding(
            what=name,
            distance=distance([row[name] for row in rows], edges, counts),
            limit=config.images,
        )
        for name, (edges, counts) in sorted(reference.items())
        if name in rows[0]
    )


def histograms(data: bytes) -> dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Edges [B + 1] and counts [B] of each measure, from a serialized DatasetFeatureStatisticsList."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    found = {}
    for feature in (
        statistics_pb2.DatasetFeatureStatisticsList.FromString(data).datasets[0].features
    ):
        name = ".".join(feature.path.step) or feature.name
        standard = [h for h in feature.num_stats.histograms if h.type == h.STANDARD]
        if not name.startswith(STAT_PREFIX) or not standard or not standard[0].buckets:
            continue
        buckets = standard[0].buckets
        edges = np.array([*(b.low_value for b in buckets), buckets[-1].high_value])
        counts = np.array([b.sample_count for b in buckets])
        found[name.removeprefix(STAT_PREFIX)] = (edges, counts)
    return found


def distance(values: Sequence[float], edges: npt.NDArray[Any], counts: npt.NDArray[Any]) -> float:
    """Jensen-Shannon divergence of values from a histogram; what lies outside it has a bin of its own."""
    inside, _ = np.histogram(values, edges)
    outside = len(values) - int(inside.sum())
    ours = {str(i): float(count) for i, count in enumerate(inside)} | {"outside": float(outside)}
    return jensen_shannon(ours, {str(i): float(count) for i, count in enumerate(counts)})


def _measured(file: ImageFile, ingest: IngestConfig) -> Mapping[str, float] | None:
    """The measures of one file; None for one that the ingest will refuse as well."""
    if file.size > ingest.max_file_mb * _MIB:
        return None
    try:
        with paths.open_read(file.path) as stream:
            data = stream.read()
        limits = Limits(ingest.max_pixels, ingest.background)
        image = prepare(data, stored_size=ingest.resolved_stored_size, limits=limits)
    except (DecodeError, OSError):
        return None
    size = (image.source_width, image.source_height)
    return measure(image.image, source_size=size, source_bytes=len(data))
