"""What a model must pass before it is pushed: the YAML section `evaluate:`."""

from __future__ import annotations

from pydantic import Field, field_validator

from components.model_evaluator.slice_names import check_name
from trainer.settings import Settings


class EvaluateConfig(Settings):
    """The rules, and what they are measured on. A limit of null switches its rule off."""

    batch_size: int = Field(32, ge=1, le=1024, description="Images per call of the model (count).")
    top_k: int = Field(
        3, ge=2, description="An answer counts for top-k when it is among these many."
    )
    slice_by: tuple[str, ...] = Field(
        ("class", "brightness", "size"),
        description="What to report figures by: `class`, `brightness` (dark below a mean grey of 85, "
        "bright from 170 on, of 255), `size` (small below 0.1 megapixels, large from 2 on), or "
        "`column/NAME` of the manifest.",
    )
    max_slices: int = Field(
        100,
        ge=1,
        description="Values of one slice feature that figures are given for, commonest first (count).",
    )
    risk: float = Field(
        0.05,
        gt=0,
        lt=0.5,
        description="Probability (0 to 0.5) with which each statistical rule may refuse a model that is "
        "in truth no worse.",
    )
    min_gain: float | None = Field(
        0.1,
        ge=0,
        le=1,
        description="Share (0 to 1) of the errors of always answering the commonest class that the model "
        "must avoid for sure: by the lower bound of its accuracy at `risk`.",
    )
    min_accuracy: float | None = Field(None, ge=0, le=1, description="Lowest accuracy, 0 to 1.")
    max_log_loss: float | None = Field(None, gt=0, description="Highest mean log loss, in nats.")
    min_class_recall: float | None = Field(
        0.1, ge=0, le=1, description="Lowest recall (0 to 1) of any class with enough test images."
    )
    min_class_examples: int = Field(
        10, ge=1, description="Test images that make a class or a slice count for its rule (count)."
    )
    max_accuracy_drop: float | None = Field(
        0.02,
        ge=0,
        le=1,
        description="How far accuracy may lie below that of the model in service, 0 to 1.",
    )
    not_worse: bool = Field(
        True,
        description="Refuse a model that is worse than the one in service by an exact paired test "
        "(McNemar, one-sided) on the same images at `risk`.",
    )
    max_class_drop: float | None = Field(
        0.1,
        ge=0,
        le=1,
        description="How far the recall of a class (0 to 1) may lie below that of the model in service, "
        "where the fall is no accident by the paired test.",
    )
    class_floors: dict[str, float] = Field(
        {}, description="`max_class_drop` of single classes by name; such a fall counts untested."
    )
    min_slice_accuracy: float | None = Field(
        None, ge=0, le=1, description="Lowest accuracy (0 to 1) of any slice with enough images."
    )
    max_calibration_error: float | None = Field(
        0.2,
        ge=0,
        le=1,
        description="Highest expected calibration error, 0 to 1: how far confidence lies from accuracy.",
    )
    calibration_bins: int = Field(15, ge=2, le=100, description="Bins of the calibration (count).")
    max_format_difference: float | None = Field(
        1e-3,
        gt=0,
        description="Greatest difference between the probabilities of the exported float formats, 0 to 1.",
    )
    min_int8_agreement: float | None = Field(
        0.9,
        ge=0,
        le=1,
        description="Share of images on which an 8-bit export names the same class.",
    )
    max_latency_ms: float | None = Field(
        1000.0,
        gt=0,
        description="Longest median answer for one image, in milliseconds, on one machine.",
    )
    sample: int = Field(
        32, ge=1, le=1000, description="Test images for the rules on formats and latency (count)."
    )

    @field_validator("slice_by")
    @classmethod
    def _known_slices(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(check_name(name) for name in value)
