"""What a run leaves behind for people: TensorBoard events, history.json, and weights kept after a divergence.

watch = Watch(log_dir)
watch.epoch(record, step)
watch.finish(history, temperature=1.2)
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

HISTORY_FILE = "history.json"
_INTERVAL_SECONDS = 0.5
_LOGGER = logging.getLogger(__name__)


class Watch:
    """Writes to a folder, or nowhere when there is none."""

    def __init__(self, log_dir: str | None = None) -> None:
        self._dir = log_dir
        self._writer = _make_writer(log_dir) if log_dir else None
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time for the next report; twice a second at most."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _INTERVAL_SECONDS
        return True

    def epoch(self, record: Mapping[str, float], step: int) -> None:
        """Adds an epoch to TensorBoard."""
        if self._writer is None:
            return
        with self._writer.as_default(step=step):
            for name, value in record.items():
                tf.summary.scalar(name, value)
        self._writer.flush()

    def finish(self, history: Sequence[Mapping[str, float]], **facts: Any) -> None:
        """Writes the history of all epochs and facts about the run as JSON."""
        if self._dir is None:
            return
        tf.io.gfile.makedirs(self._dir)
        with tf.io.gfile.GFile(os.path.join(self._dir, HISTORY_FILE), "w") as file:
            file.write(json.dumps({"epochs": [dict(one) for one in history], **facts}, indent=2))

    def keep_weights(self, model: keras.Model) -> str:
        """Writes a model's weights beside the logs and returns the path."""
        folder = self._dir or tempfile.mkdtemp(prefix="imagemill-")
        tf.io.gfile.makedirs(folder)
        path = os.path.join(folder, "last_good.weights.h5")
        with tempfile.TemporaryDirectory() as local:
            written = os.path.join(local, "last_good.weights.h5")
            model.save_weights(written)
            tf.io.gfile.copy(written, path, overwrite=True)
        return path


def _make_writer(log_dir: str) -> tf.summary.SummaryWriter | None:
    """TensorFlow writes events through the tensorboard package, which it stopped bringing along in 2.21."""
    if importlib.util.find_spec("tensorboard") is None:
        _LOGGER.warning("no TensorBoard events: the package `tensorboard` is not installed")
        return None
    return tf.summary.create_file_writer(log_dir)
