"""The base of every typed setting: frozen, checked where it is made, unknown keys refused.

    class TrainConfig(Settings):
        epochs: int = Field(8, ge=1, description="Passes over the training split.")

Every field carries a `description` (meaning, unit, range): the config reference, the commented file that
`imagemill init` writes and the editor schema are all generated from it.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen group of settings; equal settings are equal objects and serialize to equal JSON."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        allow_inf_nan=False,
        protected_namespaces=(),
    )
