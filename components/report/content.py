"""What a report holds, before it has a form: `report.json` is this, and the page is drawn from it.

    Report.model_validate_json(text).verdict.blessed

Pictures carry their pixels for the page only; the JSON names their paths.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.data_gate.findings import Finding
from components.model_evaluator.result import EvaluationResult
from trainer.features import DatasetInfo
from trainer.settings import Settings


class Picture(Settings):
    """A thumbnail."""

    path: str = Field(description="Path of the photo below the data's root.")
    alt: str = Field("", description="What it is, for those who do not see it.")
    src: str = Field("", exclude=True, description="Data URI; empty where there was no room.")


class Verdict(Settings):
    """The first thing to read."""

    blessed: bool = Field(description="Whether every rule held.")
    pushed: bool = Field(description="Whether the model went into the registry.")
    version: str = Field(description="Registry version; empty where nothing was pushed.")
    headline: str = Field(description="The verdict in a sentence.")
    reasons: tuple[str, ...] = Field(description="Why it was refused; empty where blessed.")


class Histogram(Settings):
    """How a measure of images is distributed."""

    name: str = Field(description="The measure, such as `brightness`.")
    edges: tuple[float, ...] = Field(description="Bin edges, one more than counts.")
    counts: tuple[int, ...] = Field(description="Images in each bin.")
    median: float = Field(description="Median over all images.")


class ClassSample(Settings):
    """A few photos of a class."""

    name: str = Field(description="The class.")
    pictures: tuple[Picture, ...] = Field(description="Photos from the training split.")


class ShownFinding(Settings):
    """A finding of the data gate with pictures."""

    finding: Finding = Field(description="The finding, with the instances that are shown.")
    pictures: dict[str, Picture] = Field(description="Thumbnails by path.")


class Augmented(Settings):
    """One image before and after augmentation."""

    before: Picture = Field(description="The photo as stored.")
    after: Picture = Field(description="What training saw.")
    labels: dict[str, float] = Field(description="Share of each class in the label, above zero.")


class ConfusedPair(Settings):
    """A class that is taken for another."""

    label: str = Field(description="The true class.")
    answer: str = Field(description="What the model said.")
    count: int = Field(description="Test images.")
    share: float = Field(description="Of the class's test images, 0 to 1.")
    pictures: tuple[Picture, ...] = Field(description="Some of them.")


class Loss(Settings):
    """A wrong or unsure answer."""

    picture: Picture = Field(description="The photo.")
    heat: Picture | None = Field(description="Where the model looked (Grad-CAM).")
    label: str = Field(description="The true class.")
    answer: str = Field(description="What the model said.")
    probability: float = Field(description="How sure it was, 0 to 1.")
    label_probability: float = Field(description="Probability of the true class, 0 to 1.")
    loss: float = Field(description="Log loss in nats.")


class Suspect(Settings):
    """An image whose label is probably wrong."""

    path: str = Field(description="Path below the data's root.")
    split: str = Field(description="Its split.")
    label: str = Field(description="The class it is filed under.")
    suggested: str = Field(description="The class that the model is confident of.")
    label_probability: float = Field(description="Probability of its label, 0 to 1.")
    suggested_probability: float = Field(description="Probability of the suggestion, 0 to 1.")
    picture: Picture | None = Field(None, description="The photo, for those that are shown.")


class LabelCheck(Settings):
    """The search for label errors."""

    scored: int = Field(description="Images that the model was asked about.")
    total: int = Field(description="Images there are.")
    suspects: tuple[Suspect, ...] = Field(description="The likeliest errors first.")
    train_features: Literal["starting", "trained", "none"] = Field(
        "none",
        description="Whose features judged train out of fold: the starting weights', the trained model's, "
        "or train was not judged.",
    )


class Report(Settings):
    """Everything."""

    name: str = Field(description="The model's name.")
    created: str = Field(description="When the report was made, UTC, ISO 8601.")
    verdict: Verdict = Field(description="The first thing to read.")
    dataset: DatasetInfo = Field(description="The images.")
    histograms: tuple[Histogram, ...] = Field(description="Measures of the images.")
    samples: tuple[ClassSample, ...] = Field(description="A few photos of each class.")
    findings: tuple[ShownFinding, ...] = Field(description="What the data gate found.")
    not_looked_for: tuple[str, ...] = Field(
        (), description="What the data gate could not look for, and why."
    )
    augmentation: tuple[Augmented, ...] = Field(description="What training saw.")
    training: dict[str, str] = Field(
        {},
        description="What was settled only in training: where it began, in which numbers, what a search found.",
    )
    epochs: tuple[dict[str, float], ...] = Field(description="One record of figures an epoch.")
    evaluation: EvaluationResult | None = Field(
        description="What the evaluation found; null where the data gate refused and nothing was trained."
    )
    confused: tuple[ConfusedPair, ...] = Field(description="Most confused pairs.")
    losses: tuple[Loss, ...] = Field(description="The worst answers, worst first.")
    labels: LabelCheck = Field(description="Likely label errors.")
    sizes: dict[str, int] = Field(description="Bytes of each exported format.")
    lineage: dict[str, str] = Field(description="Fingerprints, versions, ids of artifacts.")
    config_yaml: str = Field(description="Every setting of the run.")
    notes: tuple[str, ...] = Field(description="What could not be shown, and why.")
