"""What an evaluation found: the content of `metrics.json`.

result = EvaluationResult.model_validate_json(text)
result.overall["accuracy"], [rule.name for rule in result.rules if rule.verdict == "fail"]
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trainer.settings import Settings

METRICS_FILE = "metrics.json"
Verdict = Literal["pass", "fail", "skipped"]


class Rule(Settings):
    """One rule's outcome."""

    name: str = Field(description="The rule, such as `not-worse`.")
    value: float | None = Field(description="What was measured; null where the rule did not apply.")
    limit: float | None = Field(description="What it was held against; null where switched off.")
    verdict: Verdict = Field(description="`skipped` where the rule is off or has nothing to judge.")
    detail: str = Field(description="The reason in a sentence, with the class or slice concerned.")
    fix: str = Field("", description="What to do where it failed, in the imperative; else empty.")


class ClassFigures(Settings):
    """How one class fared; null where there is nothing to divide by."""

    examples: int = Field(description="Test images of the class.")
    precision: float | None = Field(description="Share of right ones among answers of this class.")
    recall: float | None = Field(description="Share of its images that were recognised.")
    f1: float | None = Field(description="Harmonic mean of the two.")
    auc: float | None = Field(description="Area under the ROC curve against all other classes.")
    baseline_recall: float | None = Field(description="Recall of the model in service.")


class Bin(Settings):
    """One bin of the reliability diagram."""

    low: float = Field(description="Lowest confidence in the bin.")
    high: float = Field(description="Highest confidence in the bin.")
    examples: int = Field(description="Images in the bin.")
    confidence: float = Field(description="Their mean confidence; 0 where empty.")
    accuracy: float = Field(description="Share of them that was right; 0 where empty.")


class Slice(Settings):
    """Figures of a part of the test split."""

    feature: str = Field(description="What it was sliced by, such as `brightness`.")
    value: str = Field(description="Which part, such as `dark`.")
    examples: int = Field(description="Images in it.")
    accuracy: float = Field(description="Share of right answers.")
    log_loss: float = Field(description="Mean log loss in nats.")
    baseline_accuracy: float | None = Field(description="Accuracy of the model in service.")


class EvaluationResult(Settings):
    """Everything that was measured, and the verdict of every rule."""

    split: str = Field(description="The split that was evaluated.")
    examples: int = Field(description="Its number of images.")
    baseline_version: int = Field(description="Version in service it was compared with; 0: none.")
    class_names: tuple[str, ...] = Field(description="Order of the confusion matrix.")
    overall: dict[str, float] = Field(description="Figures over the whole split, by name.")
    baseline: dict[str, float] = Field(
        description="The same of the model in service; may be empty."
    )
    per_class: dict[str, ClassFigures] = Field(description="Figures by class.")
    confusion: tuple[tuple[int, ...], ...] = Field(description="Images by true class, then answer.")
    reliability: tuple[Bin, ...] = Field(description="Calibration of the answer's probability.")
    slices: tuple[Slice, ...] = Field(description="Figures by slice.")
    notes: tuple[str, ...] = Field((), description="What was left out, and why, in sentences.")
    rules: tuple[Rule, ...] = Field(description="Verdicts, in the order that they are judged.")

    @property
    def blessed(self) -> bool:
        """True where no rule failed."""
        return all(rule.verdict != "fail" for rule in self.rules)
