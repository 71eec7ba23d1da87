"""How models enter the registry: the YAML section `push:`."""

from __future__ import annotations

from pydantic import Field

from trainer.settings import Settings


class PushConfig(Settings):
    """What happens to a blessed model."""

    promote: bool = Field(
        True,
        description="Put a pushed version in service at once; false files it, and `imagemill "
        "models promote` puts it in service.",
    )
    check_baseline: bool = Field(
        True,
        description="Leave the version in service where it is when it is not the one that the new "
        "model was compared with, as after two runs at once; the new version is filed all the "
        "same.",
    )
    keep: int = Field(
        0,
        ge=0,
        description="Newest versions to keep after a push (count), besides the one in service and "
        "the one that a rollback goes to; 0 keeps all.",
    )
