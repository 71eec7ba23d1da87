"""Grad-CAM: the heat lies where the pixels that decide are."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from components.report.heatmap import Looker, overlay
from tests.components.tiny_model import export_model


def test_heat_lies_on_the_half_that_decides(tmp_path):
    looker = Looker(export_model(tmp_path / "model"))
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:, :8, 0] = 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    [heat] = looker([buffer.getvalue()])
    assert heat.shape == (16, 16)
    assert heat.max() == 1
    assert heat[:, :7].mean() > 0.9
    assert heat[:, 9:].mean() < 0.1


def test_cold_places_turn_grey_and_hot_ones_warm():
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[..., 2] = 90
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    drawn = np.asarray(overlay(pixels, heat)).astype(int)
    assert np.ptp(drawn[3, 3]) == 0
    assert drawn[0, 0, 0] > drawn[0, 0, 2]
