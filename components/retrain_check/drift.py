"""Whether what came in lately is like what the model in service was trained on.

    findings = drift(config, incoming_files, reference_snapshot)

Class shares are compared by the L-infinity distance and histograms by the Jensen-Shannon divergence, as TFDV does; both
are 0 for equal distributions and 1 for disjoint ones. Classes and file sizes come from the listing alone; with
`sample`, so many new images are read and measured with the ingest's own code.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from components.image_example_gen.listing import ImageFile
from components.retrain_check.config import DriftConfig
from components.retrain_check.facts import DriftFinding
from components.retrain_check.snapshot import Snapshot, size_bin


def listing_drift(
    config: DriftConfig, incoming: Sequence[ImageFile], reference: Snapshot
) -> tuple[DriftFinding, ...]:
    """Drift of class shares and file sizes; () where too few images came in to tell."""
    if len(incoming) < config.min_images:
        return ()
    classes = Counter(file.class_name for file in incoming)
    sizes = Counter(size_bin(file.size) for file in incoming)
    name, distance = l_infinity(classes, reference.classes)
    return (
        DriftFinding(what="classes", distance=distance, limit=config.classes, detail=name),
        DriftFinding(
            what="file_sizes",
            distance=jensen_shannon(sizes, reference.sizes),
            limit=config.file_sizes,
        ),
    )


def sample_of(files: Sequence[ImageFile], count: int, seed: str) -> list[ImageFile]:
    """At most `count` of the files, drawn without replacement; equal seeds draw equally."""
    if len(files) <= count:
        return list(files)
    return random.Random(seed).sample(list(files), count)


def l_infinity(one: Mapping[str, float], other: Mapping[str, float]) -> tuple[str, float]:
    """The largest difference of a key's share, and that key; ("", 0.0) for two empty ones."""
    p, q = _shares(one), _shares(other)
    gaps = {key: abs(p.get(key, 0.0) - q.get(key, 0.0)) for key in sorted({*p, *q})}
    key = max(gaps, key=lambda name: gaps[name], default="")
    return key, gaps.get(key, 0.0)


def jensen_shannon(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """The divergence, base 2, between two histograms with common bins: from 0 to 1."""
    p, q = _shares(one), _shares(other)
    if not p or not q:
        return 0.0
    middle = {key: (p.get(key, 0.0) + q.get(key, 0.0)) / 2 for key in {*p, *q}}
    return min(1.0, max(0.0, (_divergence(p, middle) + _divergence(q, middle)) / 2))


def _divergence(p: Mapping[str, float], q: Mapping[str, float]) -> float:
    return sum(share * math.log2(share / q[key]) for key, share in p.items() if share)


def _shares(counts: Mapping[str, float]) -> dict[str, float]:
    total = _total(counts.values())
    return {key: count / total for key, count in counts.items()} if total else {}


def _total(values: Iterable[float]) -> float:
    return float(sum(values))
