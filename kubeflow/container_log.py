"""Structured logs of a container: one JSON object a line on stderr, which KFP shows and stores.

{"time": "...", "severity": "INFO", "node": "trainer", "message": "train: 3/8 epochs", "task": "train", "done": 3}
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TextIO

from trainer.progress import Progress


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; reports of `trainer.progress` keep their figures.

    Args:
      node: id of the step, repeated on every line.
    """

    def __init__(self, node: str) -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "severity": record.levelname,
            "node": self._node,
            "logger": record.name,
            "message": record.getMessage(),
        }
        progress = getattr(record, "progress", None)
        if isinstance(progress, Progress):
            line.update(task=progress.task, done=progress.done, total=progress.total)
            line["metrics"] = dict(progress.metrics)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def start_logging(node: str, stream: TextIO | None = None) -> None:
    """Sends every logger, also absl's, TFX's and Beam's, through `JsonLines`."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(node))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
