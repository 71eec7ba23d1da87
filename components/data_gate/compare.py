"""Two sets of images compared with TFDV's own comparators: Jensen-Shannon for measures, L-infinity for labels.

    raws = [*skew_findings(statistics, config.skew), *drift_findings(statistics, of_model_in_service, config.drift)]

Two corrections to what TFDV reports. Limits grow as sets shrink, so that chance alone is no finding: two samples of
50 out of one set differ by 0.09 in Jensen-Shannon divergence. And a measure that is the same for nearly all images of
both sets (the aspect ratio of photos from one camera) is not compared: a few exceptions move the bins of TFDV's
histogram and give 0.7.

Numbers of the embedding are compared as measures are, where both sets have the same ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_gate.anomalies import Statistics
from components.data_gate.config import DriftConfig
from components.data_gate.findings import Item, Raw
from components.image_example_gen.measures import NAMES
from trainer.features import CLASS_NAME, EMBEDDING_PREFIX, STAT_PREFIX

WHOLE = "All Examples"
_SLICE = f"{CLASS_NAME}_"
_JS_NOISE = 8.0
# Random halves of 2,100 photos crossed no limit in 6,240 comparisons (docs/data-gate.md).
_EMBEDDING_NOISE = 12.0
_LABEL_DEVIATIONS = 3.0
_Dataset: TypeAlias = statistics_pb2.DatasetFeatureStatistics


@dataclasses.dataclass(frozen=True)
class Difference:
    """One feature measured in two sets.

    Attributes:
      feature: full name.
      value: the comparator's distance, 0 to 1.
      limit: from where on it counts.
    """

    feature: str
    value: float
    limit: float

    @property
    def is_finding(self) -> bool:
        """True where it is more than the limit."""
        return self.value > self.limit


def differences(
    base: Statistics, other: Statistics, config: DriftConfig, part: str = WHOLE
) -> list[Difference]:
    """Distance of `other` from `base` in every measure that varies, in the embedding, and in the labels.

    Args:
      base: statistics of the set to compare with.
      other: statistics of the set in question.
      config: limits for large sets.
      part: all examples, or the name of a slice.
    """
    first, second = _part(base, part), _part(other, part)
    if not first.num_examples or not second.num_examples:
        return []
    limits = _limits(first, second, config)
    found = tfdv.validate_statistics(
        Statistics(datasets=[second]),
        _comparing_schema(limits),
        previous_statistics=Statistics(datasets=[first]),
    ).drift_skew_info
    measured = {".".join(info.path.step): info.drift_measurements[0].value for info in found}
    return [
        Difference(feature, measured[feature], limit)
        for feature, limit in limits.items()
        if feature in measured
    ]


def skew_findings(statistics: Mapping[str, Statistics], config: DriftConfig) -> list[Raw]:
    """Val and test compared with train."""
    if "train" not in statistics:
        return []
    train = statistics["train"]
    found = {
        f"{split} against train": (train, other)
        for split, other in statistics.items()
        if split != "train"
    }
    return _findings(found, config, "feature_skew", "label_skew")


def drift_findings(
    statistics: Mapping[str, Statistics], served: Mapping[str, Statistics], config: DriftConfig
) -> list[Raw]:
    """Every split compared with the same split of the data of the model in service."""
    found = {
        f"{split} against the model in service": (served[split], other)
        for split, other in statistics.items()
        if split in served
    }
    return _findings(found, config, "feature_drift", "label_drift")


def class_drift_findings(
    statistics: Mapping[str, Statistics], served: Mapping[str, Statistics], config: DriftConfig
) -> list[Raw]:
    """The training images of each class compared with those of the model in service, by TFDV's slices."""
    if "train" not in statistics or "train" not in served:
        return []
    base, other = served["train"], statistics["train"]
    slices = [d.name for d in other.datasets if d.name.startswith(_SLICE)]
    items = [
        _feature_item(name.removeprefix(_SLICE), name, base, other, difference)
        for name in slices
        for difference in differences(base, other, config, name)
        if difference.is_finding and difference.feature != CLASS_NAME
    ]
    count = len({item.subject for item in items})
    return [Raw("class_drift", items, count, len(slices))] if items else []


def embedding_notes(
    statistics: Mapping[str, Statistics], served: Mapping[str, Statistics]
) -> list[str]:
    """Says so where the embedding of the data of the model in service is not the one of this data."""
    ours, theirs = (_embeddings(each) for each in (statistics, served))
    if not served or ours == theirs:
        return []
    if ours and theirs:
        why = "they come from other weights"
    else:
        why = f"{'this' if theirs else 'that'} data has none, as its run had no weights at hand"
    return [f"the embedding was not compared with that of the model in service: {why}"]


def _embeddings(statistics: Mapping[str, Statistics]) -> set[str]:
    return {
        name
        for found in statistics.values()
        for feature in _part(found, WHOLE).features
        if (name := _name(feature)).startswith(EMBEDDING_PREFIX)
    }


def _findings(
    pairs: Mapping[str, tuple[Statistics, Statistics]],
    config: DriftConfig,
    feature_kind: str,
    label_kind: str,
) -> list[Raw]:
    features: list[Item] = []
    labels: list[Item] = []
    comparable = set(NAMES)
    for what, (base, other) in pairs.items():
        for difference in differences(base, other, config):
            if difference.feature != CLASS_NAME:
                comparable.add(_measure(difference.feature))
            if difference.is_finding and difference.feature == CLASS_NAME:
                labels.append(_label_item(what, base, other, difference))
            elif difference.is_finding:
                measure = _measure(difference.feature)
                features.append(_feature_item(measure, WHOLE, base, other, difference, what))
    concerned = len({item.subject for item in features})
    raws = [
        Raw(feature_kind, features, concerned, len(comparable)),
        Raw(label_kind, labels, len(labels), len(pairs)),
    ]
    return [raw for raw in raws if raw.count]


def _feature_item(
    subject: str,
    part: str,
    base: Statistics,
    other: Statistics,
    difference: Difference,
    what: str = "",
) -> Item:
    before, after = (_median(_part(s, part), difference.feature) for s in (base, other))
    measure = _measure(difference.feature)
    return Item(
        subject=subject,
        detail=f"{what or measure}: Jensen-Shannon {difference.value:.3f} (limit {difference.limit:.3f}), "
        f"median {before:.4g} became {after:.4g}",
    )


def _measure(feature: str) -> str:
    """A feature's name for a person: `brightness`, `embedding 3`."""
    if feature.startswith(EMBEDDING_PREFIX):
        return f"embedding {feature.rpartition('/')[2]}"
    return feature.removeprefix(STAT_PREFIX)


def _label_item(what: str, base: Statistics, other: Statistics, difference: Difference) -> Item:
    before, after = (_shares(_part(s, WHOLE)) for s in (base, other))
    name = max({*before, *after}, key=lambda n: abs(after.get(n, 0) - before.get(n, 0)))
    return Item(
        subject=what,
        detail=f"L-infinity {difference.value:.3f} (limit {difference.limit:.3f}), {name}: "
        f"{before.get(name, 0):.1%} became {after.get(name, 0):.1%}",
    )


def _part(statistics: Statistics, part: str) -> _Dataset:
    """All examples or a slice; an empty one where there is none."""
    for dataset in statistics.datasets:
        if dataset.name == part:
            return dataset
    alone = len(statistics.datasets) == 1 and part == WHOLE
    return statistics.datasets[0] if alone else _Dataset()


def _limits(base: _Dataset, other: _Dataset, config: DriftConfig) -> dict[str, float]:
    """Limit per feature worth comparing; 1 is never exceeded."""
    inverse = 1 / base.num_examples + 1 / other.num_examples
    both = {_name(f) for f in base.features} & {_name(f) for f in other.features}
    measure_limit = max(config.features, _JS_NOISE * inverse)
    embedding_limit = max(config.embedding, _EMBEDDING_NOISE * inverse)
    wanted = {STAT_PREFIX + name: measure_limit for name in NAMES} | {
        name: embedding_limit for name in sorted(both) if name.startswith(EMBEDDING_PREFIX)
    }
    limits = {
        feature: min(1.0, limit)
        for feature, limit in wanted.items()
        if feature in both and not _is_constant(base, other, feature)
    }
    if CLASS_NAME in both:
        limits[CLASS_NAME] = min(1.0, max(config.labels, _label_noise(base, inverse)))
    return limits


def _label_noise(base: _Dataset, inverse: float) -> float:
    """Three standard deviations of the share of the most frequent class, 1.5 / sqrt(n) at most."""
    share = min(0.5, max(_shares(base).values(), default=0.5))
    return _LABEL_DEVIATIONS * float((share * (1 - share) * inverse) ** 0.5)


def _is_constant(base: _Dataset, other: _Dataset, feature: str) -> bool:
    """True where at least the middle eight tenths of both sets are one and the same value."""
    values = {value for dataset in (base, other) for value in _deciles(dataset, feature)[1:-1]}
    return len(values) <= 1


def _deciles(dataset: _Dataset, feature: str) -> list[float]:
    """Edges of TFDV's ten quantile buckets."""
    for histogram in _feature(dataset, feature).num_stats.histograms:
        if histogram.type == statistics_pb2.Histogram.QUANTILES and histogram.buckets:
            edges = [bucket.low_value for bucket in histogram.buckets]
            return [*edges, histogram.buckets[-1].high_value]
    return []


def _comparing_schema(limits: Mapping[str, float]) -> schema_pb2.Schema:
    """A schema of nothing but comparators; thresholds are 0 so that TFDV reports every distance."""
    schema = schema_pb2.Schema()
    for name in limits:
        if name == CLASS_NAME:
            feature = schema.feature.add(name=name, type=schema_pb2.BYTES)
            feature.drift_comparator.infinity_norm.threshold = 0
        else:
            feature = schema.feature.add(name=name, type=schema_pb2.FLOAT)
            feature.drift_comparator.jensen_shannon_divergence.threshold = 0
    return schema


def _median(dataset: _Dataset, feature: str) -> float:
    return float(_feature(dataset, feature).num_stats.median)


def _shares(dataset: _Dataset) -> dict[str, float]:
    buckets = _feature(dataset, CLASS_NAME).string_stats.rank_histogram.buckets
    total = sum(bucket.sample_count for bucket in buckets) or 1
    return {bucket.label: bucket.sample_count / total for bucket in buckets}


def _feature(dataset: _Dataset, name: str) -> statistics_pb2.FeatureNameStatistics:
    matches: Iterator[statistics_pb2.FeatureNameStatistics] = (
        feature for feature in dataset.features if _name(feature) == name
    )
    return next(matches, statistics_pb2.FeatureNameStatistics())


def _name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    return feature.name or ".".join(feature.path.step)
