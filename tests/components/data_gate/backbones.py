"""Backbones of random weights, small enough to make in a test."""

from __future__ import annotations

from pathlib import Path

from components.data_gate.config import EmbeddingConfig
from components.data_gate.embedding import EmbeddingSource
from trainer.config import TrainConfig

SIDE = 32
COMPONENTS = 4


def random_backbone(path: Path, seed: int) -> EmbeddingSource:
    """Writes the weights and says how to use them."""
    import keras

    keras.utils.set_random_seed(seed)
    keras.applications.MobileNetV3Small(
        (SIDE, SIDE, 3), alpha=0.75, include_top=False, weights=None
    ).save_weights(path)
    train = TrainConfig(weights=str(path), alpha=0.75)
    found = EmbeddingSource.of(EmbeddingConfig(components=COMPONENTS, side=SIDE), train)
    assert found is not None
    return found
