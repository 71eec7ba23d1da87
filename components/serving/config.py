"""Settings of the HTTP server."""

from __future__ import annotations

from pydantic import Field

from trainer.settings import Settings


class ServeConfig(Settings):
    """Limits and pace of the server."""

    max_batch: int = Field(32, ge=1, le=1024, description="Images per call of the model (count).")
    max_waiting: int = Field(
        512, ge=1, description="Images that may wait; further ones get 503 at once (count)."
    )
    max_images: int = Field(64, ge=1, description="Images in one request (count).")
    max_request_mb: float = Field(32, gt=0, description="Size of a request's body, in MiB.")
    max_pixels: int = Field(
        50_000_000,
        ge=1024,
        description="Pixels of an image by its header, before decoding (count).",
    )
    timeout_seconds: float = Field(
        60, gt=0, description="Time for one answer, in seconds; then 504."
    )
    poll_seconds: float = Field(
        2, gt=0, description="How often to look for a new version, in seconds."
    )
    decode_threads: int = Field(0, ge=0, description="Threads that decode; 0: one per core.")
