"""Small made-up photos whose classes a small model can tell apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write_photos(folder: Path, classes: dict[str, int], *, side: int = 48, seed: int = 0) -> Path:
    """Writes `count` noisy JPEGs for each class of `classes`; each class has its own colour and stripes.

    Returns:
      `folder`.
    """
    rng = np.random.default_rng(seed)
    for index, (name, count) in enumerate(sorted(classes.items())):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = _pixels(index, side, rng)
            Image.fromarray(pixels).save(folder / name / f"{number:03}.jpg", quality=92)
    return folder


def _pixels(index: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """[side, side, 3] uint8: stripes of the class's period and direction on a random background."""
    ramp = np.arange(side)
    wave = 60 * np.sin(2 * np.pi * ramp / (4 + 4 * index) + rng.uniform(0, 6.28))
    stripes = wave[:, None] if index % 2 else wave[None, :]
    base = rng.uniform(70, 180, size=3) + np.eye(3)[index % 3] * 50
    noise = rng.normal(0, 18, size=(side, side, 3))
    return np.clip(base + stripes[..., None] + noise, 0, 255).astype(np.uint8)
