"""One scheduled run of the real pipeline at a given time, with what its training told.

    told = night(config, when)

As a program it kills itself after the first epoch, as a machine that loses its power would:
`python -m tests.pipeline.schedule.night CONFIG TIME`.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator

from pipeline.config import Config, load_config
from pipeline.local import run_locally
from pipeline.result import RunResult
from pipeline.schedule.unattended import with_a_reason
from trainer import progress


def night(config: Config, when: datetime.datetime, epoch_ends: Callable[[int], None]) -> RunResult:
    """`imagemill run --scheduled` in this process, under another clock.

    Args:
      config: all settings.
      when: the time.
      epoch_ends: told of every epoch that is trained; 0 is the head alone.
    """
    with _watching(epoch_ends):
        return run_locally(with_a_reason(config), by="schedule", clock=lambda: when)


@contextlib.contextmanager
def _watching(epoch_ends: Callable[[int], None]) -> Iterator[None]:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            event = getattr(record, "progress", None)
            if event is not None and event.task == "train" and event.final:
                epoch_ends(round(event.done))

    logger, handler = progress._LOGGER, Handler(logging.INFO)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


if __name__ == "__main__":
    night(
        load_config(sys.argv[1]),
        datetime.datetime.fromisoformat(sys.argv[2]),
        lambda epoch: os.kill(os.getpid(), signal.SIGKILL) if epoch == 1 else None,
    )
