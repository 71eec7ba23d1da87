from __future__ import annotations

import pytest

from trainer.config import ExportConfig
from trainer.formats import Comparison, _too_far


def _found(difference: float, disagreement: float) -> Comparison:
    return Comparison(
        images=100,
        size_bytes=1,
        largest_difference=difference,
        disagreement=disagreement,
        accuracy=0.9,
        keras_accuracy=0.9,
    )


@pytest.mark.parametrize(
    ("name", "difference", "disagreement", "part"),
    [
        ("model.keras", 0.0005, 0.0, ""),
        ("model.tflite", 0.002, 0.0, "max_probability_difference` allows 0.001"),
        ("model_int8.tflite", 0.3, 0.04, ""),
        ("model_int8.tflite", 0.3, 0.06, "max_int8_disagreement` allows 0.05"),
    ],
)
def test_a_file_beyond_its_bound_is_refused_with_the_figures(
    name: str, difference: float, disagreement: float, part: str
) -> None:
    reason = _too_far(name, _found(difference, disagreement), ExportConfig())
    assert part in reason
    assert bool(reason) == bool(part)
