"""How much the report shows: the YAML section `report:`. Nothing here changes a model."""

from __future__ import annotations

from pydantic import Field

from trainer.settings import Settings


class ReportConfig(Settings):
    """Caps that keep the report small however large the data is."""

    max_bytes: int = Field(
        4_500_000,
        ge=200_000,
        description="Room for thumbnails in bytes of the page; those that come last are left out.",
    )
    thumbnail_side: int = Field(
        128, ge=32, le=512, description="Longer side of a thumbnail in pixels."
    )
    samples_per_class: int = Field(6, ge=0, le=50, description="Photos a class in the sample grid.")
    sample_classes: int = Field(30, ge=0, description="Classes in the sample grid (count).")
    augmented: int = Field(8, ge=0, le=32, description="Images in the augmentation strip (count).")
    finding_items: int = Field(
        12, ge=0, le=200, description="Instances shown of one finding of the data gate (count)."
    )
    top_losses: int = Field(24, ge=0, le=200, description="Worst answers shown (count).")
    heatmaps: int = Field(
        8, ge=0, le=64, description="Worst answers with a Grad-CAM heat map (count)."
    )
    confused_pairs: int = Field(12, ge=0, le=100, description="Most confused pairs shown (count).")
    suspects: int = Field(
        24, ge=0, le=200, description="Likely label errors shown; the CSV has all of them (count)."
    )
    scored: int = Field(
        5_000,
        ge=0,
        description="Images that the search for label errors asks the model about, held-out ones "
        "first; 0 switches it off.",
    )
    matrix_classes: int = Field(
        40, ge=2, le=200, description="Classes in the confusion matrix: those with most errors."
    )
