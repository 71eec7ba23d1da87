"""Keeps the noise of TFX, TensorFlow, absl and Beam out of the terminal and in one log file per run.

    with quiet(log_file) as terminal:      # a text stream to the real terminal
        run_locally(config)                # everything else written to stdout or stderr is in log_file

C++ code writes to file descriptors, so those are redirected, not only `sys.stdout`; worker processes inherit them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

_FORMAT = "%(asctime)s %(levelname).1s %(name)s: %(message)s"


@contextlib.contextmanager
def quiet(log_file: Path) -> Iterator[TextIO]:
    """Sends descriptors 1 and 2 and all logging to `log_file`; yields the terminal's stdout."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    terminal = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8", errors="replace")
    log = log_file.open("a", buffering=1, encoding="utf-8")
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter(_FORMAT))
    try:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        with _root_handler(handler), warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("default")
            yield terminal
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(saved, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        handler.close()
        log.close()
        with contextlib.suppress(OSError, ValueError):
            terminal.close()


@contextlib.contextmanager
def _root_handler(handler: logging.Handler) -> Iterator[None]:
    """Makes `handler` the only one of the root logger, against absl's attempts to add its own."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)
