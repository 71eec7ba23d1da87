from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from components.image_example_gen.measures import NAMES, measure


def test_figures_of_a_checkerboard_are_those_computed_by_hand() -> None:
    board = (np.indices((4, 4)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = Image.fromarray(np.stack([board] * 3, axis=-1))
    found = measure(image, source_size=(2000, 1000), source_bytes=500_000)
    # Inside, a white pixel has four black neighbours and the other way round: the Laplacian is -1020 or 1020.
    assert found == pytest.approx(
        {
            "aspect_ratio": 2.0,
            "brightness": 127.5,
            "bytes_per_pixel": 0.25,
            "contrast": 127.5,
            "entropy": 1.0,
            "megapixels": 2.0,
            "saturation": 0.0,
            "sharpness": 1020.0**2,
        }
    )
    assert tuple(found) == NAMES


def test_a_plain_colour_has_saturation_and_nothing_else() -> None:
    found = measure(Image.new("RGB", (9, 9), (200, 100, 100)), source_size=(9, 9), source_bytes=81)
    assert found["saturation"] == pytest.approx(0.5)
    assert (found["contrast"], found["entropy"], found["sharpness"]) == (0.0, 0.0, 0.0)


def test_one_pixel_can_be_measured() -> None:
    found = measure(Image.new("RGB", (1, 1)), source_size=(1, 1), source_bytes=1)
    assert found["sharpness"] == 0.0
    assert found["brightness"] == 0.0


def test_blur_lowers_sharpness() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    blurred = noise.resize((16, 16), Image.Resampling.BOX).resize(
        (64, 64), Image.Resampling.BICUBIC
    )
    sharp, soft = (
        measure(image, source_size=(64, 64), source_bytes=1)["sharpness"]
        for image in (noise, blurred)
    )
    assert soft < sharp / 20
