"""Says when a loss has left the ground.

problem = Health().problem(loss)     # None, or a sentence
"""

from __future__ import annotations

import math

_FIRST = 10
_FACTOR = 3.0
_SMOOTHING = 0.9


class Health:
    """Compares a run's smoothed loss with how it began."""

    def __init__(self) -> None:
        self._seen, self._start, self._smoothed = 0, 0.0, 0.0

    def problem(self, loss: float) -> str | None:
        """Takes the loss of the next step; a sentence about what is wrong, or None.

        A run has diverged when a loss is not finite, or when the smoothed loss exceeds three times the mean of the
        first ten steps and 3 nats.
        """
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        self._seen += 1
        if self._seen <= _FIRST:
            self._start += (loss - self._start) / self._seen
            self._smoothed = self._start
            return None
        self._smoothed = _SMOOTHING * self._smoothed + (1 - _SMOOTHING) * loss
        if self._smoothed > max(_FACTOR * self._start, 3.0 + self._start):
            return f"the loss rose from {self._start:.3g} to {self._smoothed:.3g}"
        return None
