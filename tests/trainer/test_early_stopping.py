from __future__ import annotations

import math

import pytest

from trainer.loop import epochs_waited


@pytest.mark.parametrize(
    ("losses", "waited"),
    [
        ([0.3], 0),
        ([0.3, 0.4, 0.5, 0.35], 0),
        ([0.3, 0.4, 0.5, 0.45], 2),
        ([0.3, 0.4, 0.5, 0.45, 0.39], 0),
        ([0.3, 0.4, 0.4], 1),
        ([math.nan, math.nan, math.nan], 2),
    ],
)
def test_only_epochs_of_phase_two_are_waited_for(losses: list[float], waited: int) -> None:
    # The first is phase one's, which all others may be worse than for a while.
    history = [{"epoch": float(i), "val_loss": loss} for i, loss in enumerate(losses)]
    assert epochs_waited(history) == waited
