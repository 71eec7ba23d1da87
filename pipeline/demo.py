"""The demo's data and settings: scikit-learn's handwritten digits (UCI ML hand-written digits, CC BY 4.0).

1,797 grey images of 8x8 pixels in ten classes, written as PNG files; small enough to train from scratch in a minute.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

PIXELS = 32
_GREY_LEVELS = 16

DEMO_SETTINGS: dict[str, Any] = {
    "name": "digits",
    "data": {"seed": 0},
    "train": {
        "model": "MobileNetV3Small",
        "alpha": 0.75,
        "weights": "none",
        "image_size": 64,
        "batch_size": 32,
        "epochs": 8,
        "learning_rate": 0.001,
        # So short a training is unsure enough: smoothed labels would leave it badly calibrated.
        "label_smoothing": 0.0,
        # A mirrored digit is another sign, and a box of one pasted into another is no digit at all.
        "flip": False,
        "cutmix": {"enabled": False},
    },
    "evaluate": {"min_accuracy": 0.95},
}


def write_digits(folder: Path) -> int:
    """Writes every digit as `folder/<class>/<number>.png`, 32x32, where it is not there yet.

    Returns:
      Number of images.
    """
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        target = folder / str(label) / f"{number:04}.png"
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        grey = (pixels * 255 / _GREY_LEVELS).round().astype("uint8")
        image = Image.fromarray(grey).resize((PIXELS, PIXELS), Image.Resampling.BICUBIC)
        partial = target.with_suffix(".partial")
        image.save(partial, format="PNG")
        os.replace(partial, target)
    return len(digits.target)
