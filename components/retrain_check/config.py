"""When to retrain: the YAML section `retrain:`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trainer.settings import Settings


class RetrainConfig(Settings):
    """The policy that `retrain-check` applies."""

    when: Literal["always", "changed"] = Field(
        "always",
        description="`always` trains on every run (steps whose inputs did not change are still "
        "reused); `changed` skips the run when the data, the config and the code are those of the "
        "model in service.",
    )
