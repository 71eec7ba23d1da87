"""Settings of the data gate: the YAML section `gate:`.

GateConfig(policies={"blurred": {"error": 0.05}, "dark": "ignore"}, min_images_per_class=20)
"""

from __future__ import annotations

from pydantic import Field

from components.data_gate.policy import Policy
from trainer.settings import Settings

_STOP = Policy(error=0, warn=0)
_WARN = Policy(error=None, warn=0)
_FIVE_PERCENT = Policy(error=0.05, warn=0)


class Policies(Settings):
    """One policy per kind of finding: `error`, `warn`, `ignore`, or `{error: LIMIT, warn: LIMIT}`."""

    leakage: Policy = Field(
        _STOP, description="The same file in two splits; of the images outside train."
    )
    label_conflicts: Policy = Field(
        _STOP, description="The same file in two classes; of all images."
    )
    near_leakage: Policy = Field(
        _FIVE_PERCENT, description="Near duplicates in two splits; of the images outside train."
    )
    near_label_conflicts: Policy = Field(
        _FIVE_PERCENT, description="Near duplicates in two classes; of all images."
    )
    exact_duplicates: Policy = Field(
        _WARN,
        description="Files with equal content, leaks and conflicts too; those beyond the first, of all images.",
    )
    near_duplicates: Policy = Field(
        _WARN,
        description="Images that look alike; those beyond the first of each group, of all images.",
    )
    unreadable_files: Policy = Field(
        _FIVE_PERCENT, description="Files that became no example; of all files."
    )
    too_few_images: Policy = Field(
        _STOP, description="Classes with fewer than `min_images_per_class`."
    )
    class_not_in_train: Policy = Field(_STOP, description="Classes without an image in train.")
    class_not_in_split: Policy = Field(
        _WARN, description="Classes without an image in val or test."
    )
    class_imbalance: Policy = Field(_WARN, description="Classes beyond `max_class_ratio`.")
    new_class: Policy = Field(_WARN, description="Classes that the model in service does not know.")
    vanished_class: Policy = Field(
        _STOP, description="Classes of the model in service that are gone."
    )
    blank: Policy = Field(_FIVE_PERCENT, description="Blank images; of all images.")
    tiny: Policy = Field(_WARN, description="Tiny images; of all images.")
    blurred: Policy = Field(_WARN, description="Blurred images; of all images.")
    dark: Policy = Field(_WARN, description="Dark images; of all images.")
    over_exposed: Policy = Field(_WARN, description="Over-exposed images; of all images.")
    odd_aspect: Policy = Field(_WARN, description="Very long or tall images; of all images.")
    schema_anomalies: Policy = Field(
        _STOP, description="Features that break the accepted schema (TFDV)."
    )
    feature_drift: Policy = Field(
        _WARN, description="Image features that drifted from the data of the model in service."
    )
    class_drift: Policy = Field(
        _WARN,
        description="Classes of which an image feature drifted from the model in service's data.",
    )
    label_drift: Policy = Field(
        _WARN, description="Share of classes that shifted from the data of the model in service."
    )
    feature_skew: Policy = Field(_WARN, description="Image features that differ between splits.")
    label_skew: Policy = Field(_WARN, description="Share of classes that differs between splits.")


class QualityConfig(Settings):
    """From where on an image counts as bad; see `components.data_gate.quality`."""

    blurred_below: float = Field(
        0.02,
        ge=0,
        description="Least relative sharpness: variance of the Laplacian over the variance of grey; "
        "a clean photo has 0.05 to 10, a Gaussian blur of 2% of the side brings it below 0.01.",
    )
    dark_below: float = Field(
        60,
        ge=0,
        le=255,
        description="Least grey of the highlights (mean + 2 deviations), 0 to 255.",
    )
    over_exposed_above: float = Field(
        0.45, ge=0, le=1, description="Largest share of the area that is all but white, 0 to 1."
    )
    blank_contrast: float = Field(
        0.03,
        ge=0,
        le=1,
        description="Least contrast: standard deviation of grey over its mean (+ 10 levels); photos have "
        "0.07 and more.",
    )
    blank_entropy: float = Field(
        2,
        ge=0,
        le=8,
        description="Least entropy of the grey histogram in bits; placeholders have 0 to 1.",
    )
    max_aspect: float = Field(3, ge=1, description="Longest side over the shortest.")
    min_side: int = Field(32, ge=1, description="Least shorter side of the source, in pixels.")
    share_of_median: float = Field(
        0.67,
        gt=0,
        le=1,
        description="An image must also be below this share of the set's median, or the set is just "
        "like that; 1 flags whatever is below the limits and the median.",
    )


class DriftConfig(Settings):
    """From where on two sets of images count as different. Chance alone never does: limits grow as sets shrink."""

    features: float = Field(
        0.1, gt=0, le=1, description="Jensen-Shannon divergence of an image measure, 0 to 1 (TFDV)."
    )
    embedding: float = Field(
        0.06,
        gt=0,
        le=1,
        description="Jensen-Shannon divergence of a number of the embedding, 0 to 1 (TFDV).",
    )
    labels: float = Field(
        0.1,
        gt=0,
        le=1,
        description="L-infinity distance: largest change of a class's share, 0 to 1 (TFDV).",
    )


class EmbeddingConfig(Settings):
    """Numbers of what images show, beside the measures; where `train.weights` are at hand (docs/data-gate.md)."""

    components: int = Field(
        8,
        ge=0,
        le=64,
        description="Numbers an image: its features in the backbone, projected; 0 turns them off.",
    )
    side: int = Field(
        96,
        ge=32,
        le=224,
        description="Side in pixels at which the backbone sees an image for them.",
    )


class GateConfig(Settings):
    """What data may go into training."""

    policies: Policies = Field(Policies(), description="What stops a run, what warns, by finding.")
    quality: QualityConfig = Field(QualityConfig(), description="Limits of image quality.")
    skew: DriftConfig = Field(DriftConfig(), description="Limits on differences between splits.")
    drift: DriftConfig = Field(
        DriftConfig(), description="Limits on differences from the data of the model in service."
    )
    embedding: EmbeddingConfig = Field(
        EmbeddingConfig(), description="Numbers of what images show, for skew and drift."
    )
    min_images_per_class: int = Field(
        5, ge=0, description="Fewer images than this in a class is a finding."
    )
    max_class_ratio: float = Field(
        20, ge=1, description="The largest class may have this many times the images of another."
    )
    files_listed: int = Field(
        10_000, ge=1, description="Instances of one finding that are kept in findings.json at most."
    )
    files_shown: int = Field(3, ge=0, description="Files of one finding that the table shows.")
