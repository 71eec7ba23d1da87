"""Small images for these tests: made of noise and gradients, so that each has a content and a look of its own."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def picture(seed: int, side: int = 48) -> Image.Image:
    """A coloured pattern of soft blobs; two seeds never look alike."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def encode(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def make_classes(root: Path, counts: dict[str, int], *, start: int = 0, kind: str = "JPEG") -> Path:
    """Writes `counts` images a class; the seed of each follows from its class and number."""
    for order, (name, count) in enumerate(sorted(counts.items())):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(start, start + count):
            data = encode(picture(1000 * order + number), kind)
            (folder / f"{number:04d}.{kind.lower()}").write_bytes(data)
    return root
