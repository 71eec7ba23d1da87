"""Settings of the HTTP server."""

from __future__ import annotations

from pydantic import Field

from trainer.settings import Settings


class ServeConfig(Settings):
    """Limits and pace of the server."""

    max_batch: int = Field(32, ge=1, le=1024, description="Images per call of the model (count).")
    max_waiting: int = Field(
        512, ge=1, description="Images under way at once; further ones get 503 (count)."
    )
    max_images: int = Field(64, ge=1, description="Images in one request (count).")
    max_request_mb: float = Field(32, gt=0, description="Size of a request's body, in MiB.")
    max_pixels: int = Field(
        50_000_000,
        ge=1024,
        description="Pixels of an image by its header, before decoding (count).",
    )
    max_held_mb: float = Field(
        256,
        gt=0,
        description="Size of all bodies that are held at once, in MiB; further ones get 503.",
    )
    timeout_seconds: float = Field(
        60,
        gt=0,
        description="Time for a body to arrive (then 408), and for one answer (then 504), in seconds.",
    )
    poll_seconds: float = Field(
        2, gt=0, description="How often to look for a new version, in seconds."
    )
    decoders: int = Field(
        0, ge=0, description="Processes that decode; 0: one per core, at most four."
    )
    decode_seconds: float = Field(
        10, gt=0, description="CPU seconds that one image may take to decode."
    )
    decode_memory_mb: int = Field(
        1536, ge=128, description="Memory that decoding one image may take, in MiB."
    )
