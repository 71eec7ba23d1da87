"""One progress bar for verbs that do a single long thing.

with progress_bar(console, "Reading images"):
    ...                                  # reports of `trainer.progress` move the bar
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from trainer.progress import LOGGER_NAME, Progress


@contextlib.contextmanager
def progress_bar(console: Console, title: str) -> Iterator[None]:
    """Draws reports as a bar where the console is a terminal; elsewhere draws nothing."""
    logger = logging.getLogger(LOGGER_NAME)
    with Bars(
        console=console,
        transient=True,
        disable=not console.is_terminal or console.quiet,
        # By default rich takes what others print to our terminal; it belongs in the log.
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bars:
        handler = _Handler(bars, bars.add_task(title, total=None))
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, bars: Bars, task: TaskID) -> None:
        super().__init__()
        self._bars, self._task = bars, task

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = getattr(record, "progress", None)
        if isinstance(event, Progress):
            self._bars.update(self._task, completed=event.done, total=event.total)
