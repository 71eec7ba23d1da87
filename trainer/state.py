"""Everything a run is made of between two steps, and how it becomes a checkpoint and back.

arrays, facts = state.snapshot()
state.restore(checkpoint.load_latest(folder))
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.checkpoint import State
from trainer.model import Network
from trainer.optimizer import FlatOptimizer
from trainer.step import Outcome


class RunState:
    """Weights, optimizer state, position and history of a run.

    Attributes:
      step: finished steps.
      history: one record a finished epoch.
      stopped: whether early stopping ended the run.
      last_loss: of the newest step.
    """

    def __init__(self, network: Network, optimizer: FlatOptimizer) -> None:
        self._network = network
        self._variables = network.variables
        self._optimizer = optimizer
        self._best: list[NDArray[Any]] | None = None
        self._best_loss = math.inf
        self._loss_sum, self._correct = 0.0, 0
        self.step, self.stopped, self.last_loss = 0, False, math.nan
        self.history: list[dict[str, float]] = []

    def record(self, outcome: Outcome) -> None:
        """Counts a finished step."""
        self.last_loss = float(outcome.loss)
        self._loss_sum += self.last_loss
        self._correct += int(outcome.correct)
        self.step += 1

    def take_training_figures(self, batch_size: int) -> dict[str, float]:
        """Mean loss and accuracy since they were last taken."""
        before = self.history[-1]["steps"] if self.history else 0
        steps = max(self.step - before, 1)
        figures = {
            "loss": self._loss_sum / steps,
            "accuracy": self._correct / (steps * batch_size),
        }
        self._loss_sum, self._correct = 0.0, 0
        return figures

    def finish_epoch(self, record: dict[str, float], val_loss: float) -> None:
        """Adds a record to the history, and keeps the present weights if they are the best."""
        self.history.append({**record, "steps": float(self.step)})
        if self._best is None or val_loss < self._best_loss:
            self._best, self._best_loss = self._weights(), val_loss

    def restore_best(self) -> None:
        """Sets the model to the best weights, where there are any."""
        if self._best is not None:
            self._assign(self._best)
        self._network.settle()

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the model has the moving average of its weights."""
        average = self._optimizer.slots.get("ema")
        if average is None:
            yield
            return
        raw = self._optimizer.flat_weights()
        self._optimizer.assign(average)
        try:
            yield
        finally:
            self._optimizer.assign(raw)

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and facts of a checkpoint."""
        arrays = {f"weight/{i}": value for i, value in enumerate(self._weights())}
        arrays |= {f"best/{i}": value for i, value in enumerate(self._best or [])}
        arrays |= {f"slot/{name}": slot.numpy() for name, slot in self._optimizer.slots.items()}
        facts = {
            "best_loss": self._best_loss,
            "stopped": self.stopped,
            "loss_sum": self._loss_sum,
            "correct": self._correct,
            "history": self.history,
        }
        return arrays, facts

    def restore(self, saved: State) -> None:
        """Continues from a checkpoint."""
        arrays, facts = saved.arrays, saved.facts
        count = len(self._variables)
        self._assign([arrays[f"weight/{i}"] for i in range(count)])
        if "best/0" in arrays:
            self._best = [arrays[f"best/{i}"] for i in range(count)]
        for name, slot in self._optimizer.slots.items():
            slot.assign(arrays[f"slot/{name}"])
        self.step, self._best_loss = saved.step, facts["best_loss"]
        self.stopped = facts["stopped"]
        self._loss_sum, self._correct = facts["loss_sum"], facts["correct"]
        self.history = facts["history"]

    def _weights(self) -> list[NDArray[Any]]:
        return [np.array(one.numpy()) for one in self._variables]

    def _assign(self, values: list[NDArray[Any]]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
