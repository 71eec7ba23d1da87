"""What is told of a pipeline's steps; free of TFX, so that a terminal can draw it before TFX is loaded."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class StepState(enum.Enum):
    """Where a step is."""

    RUNNING = "running"
    DONE = "done"
    CACHED = "cached"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class StepEvent:
    """A step changed state; `seconds` is the time since it started (0 for RUNNING)."""

    node_id: str
    state: StepState
    seconds: float = 0.0


@dataclass(frozen=True)
class ArtifactRecord:
    """An output of a step: its location and custom properties (str, int or float values)."""

    uri: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepRecord:
    """What became of a step.

    Attributes:
      node_id: kebab-case id in the pipeline.
      state: DONE, CACHED, SKIPPED or FAILED.
      seconds: wall-clock time.
      execution_id: id in ML Metadata; None where the step was skipped.
      outputs: first artifact of each output channel, by channel name.
    """

    node_id: str
    state: StepState
    seconds: float
    execution_id: int | None = None
    outputs: dict[str, ArtifactRecord] = field(default_factory=dict)


Listener = Callable[[StepEvent], None]
