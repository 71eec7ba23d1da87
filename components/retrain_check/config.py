"""When to retrain: the YAML section `retrain:`.

retrain:
  when: any
  of: [new_data, drift, age]
  min_new_images: 200
  max_age: 30d
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from components.durations import Duration
from trainer.settings import Settings

Condition = Literal["new_data", "new_class", "drift", "age", "config", "code", "failed_run"]
CHANGED: tuple[Condition, ...] = ("new_data", "new_class", "config", "code", "failed_run")
EVERY: tuple[Condition, ...] = (
    "new_data",
    "new_class",
    "drift",
    "age",
    "config",
    "code",
    "failed_run",
)


class DriftConfig(Settings):
    """How far what came in since the last training may differ from what the model was trained on."""

    classes: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Largest difference of a class's share between new images and reference "
        "(L-infinity, 0 to 1) that is no drift.",
    )
    file_sizes: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Largest Jensen-Shannon divergence (base 2, 0 to 1) of file sizes that is no "
        "drift: another camera or another export shows here, and no image need be read.",
    )
    images: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Largest Jensen-Shannon divergence (base 2, 0 to 1) of brightness, contrast, "
        "sharpness and the like, measured on `sample` new images, that is no drift.",
    )
    sample: int = Field(
        0,
        ge=0,
        le=100_000,
        description="New images to read and measure in a check; 0 reads none. Nothing is read where "
        "nothing is new.",
    )
    min_images: int = Field(
        50, ge=1, description="Fewer new images than this say nothing about drift."
    )


class RetrainConfig(Settings):
    """The policy that `retrain-check` applies."""

    when: Literal["always", "changed", "any", "all"] = Field(
        "always",
        description="`always` trains on every run (steps whose inputs did not change are still "
        "reused); `changed` needs new data, a new class, another config or code, or a failed last "
        "run; `any` and `all` need any or all of the conditions in `of`. `imagemill schedule` takes "
        "`changed` where the config does not say.",
    )
    of: tuple[Condition, ...] = Field(
        EVERY,
        description="Conditions for `any` and `all`: new_data (see min_new_images, min_new_share), "
        "new_class, drift, age (see max_age), config, code, failed_run.",
    )
    min_new_images: int = Field(
        1,
        ge=1,
        description="New, changed and removed images since the model in service that make `new_data`.",
    )
    min_new_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="They must also be this share (0 to 1) of the images that model was made from.",
    )
    max_age: Duration = Field(
        "30d",
        description="`age`: the model in service is older than this, and something, however little, "
        "has changed since (from the very same data, config and code the same model would come).",
    )
    drift: DriftConfig = Field(DriftConfig(), description="What counts as drift.")
    cooldown: Duration = Field(
        "0s",
        description="After the data gate or the evaluation refused, no run for this long, whatever "
        "changed. What was refused is never tried again unchanged.",
    )
    max_failures: int = Field(
        3,
        ge=1,
        description="Crashes in a row, of the same data, config and code, after which to stop trying.",
    )

    @model_validator(mode="after")
    def _conditions(self) -> RetrainConfig:
        if not self.of or len(set(self.of)) != len(self.of):
            raise ValueError(f"`of` names one condition or more, each once; received {self.of}")
        return self

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions that `when` looks at."""
        return CHANGED if self.when == "changed" else self.of

    @property
    def looks_outside(self) -> bool:
        """True where the decision depends on the registry or the clock: it must be taken anew each time."""
        return self.when != "always"
