"""How long-running work says how far it is, without knowing who listens.

    report("train", done=3, total=8, unit="epochs", metrics={"accuracy": 0.91})

Reports travel through the standard logger `imagemill.progress`: the terminal attaches a handler that draws a bar, the
container entrypoint one that prints JSON lines, and the log file gets the plain sentence.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping

LOGGER_NAME = "imagemill.progress"
_LOGGER = logging.getLogger(LOGGER_NAME)
_LOGGER.setLevel(logging.INFO)


@dataclasses.dataclass(frozen=True)
class Progress:
    """One report.

    Attributes:
      task: what is being done, such as "train" or "ingest"; one bar per task.
      done: finished units, from 0.
      total: units in all, or None where it is not known.
      unit: plural name of the unit, such as "epochs".
      metrics: named figures to show beside the bar.
      final: True for the one report of a task that should also appear as a line where there is no live view.
      note: what came of the task, in a few words; shown beside a finished step.
    """

    task: str
    done: float
    total: float | None
    unit: str
    metrics: Mapping[str, float]
    final: bool = False
    note: str = ""

    def __str__(self) -> str:
        if self.note:
            return f"{self.task}: {self.note}"
        of = "" if self.total is None else f"/{self.total:g}"
        figures = "".join(f"  {name} {value:.4g}" for name, value in self.metrics.items())
        return f"{self.task}: {self.done:g}{of} {self.unit}{figures}"


def report(
    task: str,
    *,
    done: float,
    total: float | None = None,
    unit: str = "",
    metrics: Mapping[str, float] | None = None,
    final: bool = False,
    note: str = "",
) -> None:
    """Publishes one `Progress`. Cheap, but call it a few times a second at most."""
    event = Progress(task, done, total, unit, dict(metrics or {}), final, note)
    _LOGGER.info("%s", event, extra={"progress": event})
