"""What a model must answer before it is pushed: the YAML section `validator:`."""

from __future__ import annotations

from pydantic import Field

from trainer.settings import Settings


class ValidateConfig(Settings):
    """How the model is tried in a server."""

    start_seconds: float = Field(
        300, gt=0, description="Time for the server to load the model and answer, in seconds."
    )
    request_seconds: float = Field(60, gt=0, description="Time for one answer, in seconds.")
    photos: int = Field(
        8, ge=1, le=100, description="Test images to send, besides drawn ones (count)."
    )
    tolerance: float = Field(
        1e-4,
        gt=0,
        description="How far a probability may differ (0 to 1) between an image sent alone and in a batch.",
    )
    max_memory_mb: float | None = Field(
        None, gt=0, description="Most memory that the server may have taken, in MiB; null: any."
    )
