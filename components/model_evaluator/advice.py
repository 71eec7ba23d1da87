"""What to do where a rule refuses a model, in the imperative.

fix("latency")
"""

from __future__ import annotations

OTHERWISE = "look at the mistakes and likely label errors in the report; add photos, or train longer (`train.epochs`)"
_CLASS = "look at the photos of that class among the report's mistakes; add some to it, mend labels"
FIXES = {
    "examples": "give some images to the test split (`data.splits`)",
    "slice-accuracy": "look at the report's weakest slices; add such photos to the training images",
    "class-recall": _CLASS,
    "class-drop": _CLASS,
    "calibration": (
        "keep `train.calibrate` on and give the validation split more images, for confidence is fitted on them"
    ),
    "formats-agree": (
        "leave out the export that it names (`train.export`); if it is a signature, report a defect: no "
        "photo and no training mends it"
    ),
    "int8-agrees": (
        "leave the 8-bit file out (`train.export.tflite_int8`), or keep its activations in floats "
        "(`train.export.int8_activations: dynamic`)"
    ),
    "latency": (
        "measure again on an idle machine; else train a narrower model (`train.alpha: 0.75`) or smaller "
        "images (`train.image_size`)"
    ),
}


def fix(rule: str) -> str:
    """The advice for a rule of that name; one that is not known here is about wrong answers."""
    return FIXES.get(rule, OTHERWISE)
