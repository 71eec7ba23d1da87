from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from trainer.calibration import calibrate, fit_temperature
from trainer.config import TrainConfig
from trainer.model import build


def sampled(scale: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from the softmax of logits that are then multiplied by `scale`."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (count, 3))
    gumbel = random.gumbel(size=logits.shape)
    return logits * scale, (logits + gumbel).argmax(1)


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_finds_the_factor_by_which_a_network_is_too_sure(scale: float) -> None:
    assert fit_temperature(*sampled(scale)) == pytest.approx(scale, rel=0.06)


def test_a_few_right_answers_do_not_make_a_network_certain() -> None:
    logits = np.array([[1.0, 0.0]] * 20)
    alone = fit_temperature(logits, np.zeros(20, np.int64))
    many = fit_temperature(np.repeat(logits, 100, 0), np.zeros(2000, np.int64))
    assert 0.3 < alone < 1
    assert many < alone


def test_without_images_nothing_changes() -> None:
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, np.int64)) == 1


def test_the_model_itself_is_scaled_and_answers_as_before() -> None:
    network = build(TrainConfig(weights="none", alpha=0.75, image_size=32), 3, 100)
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)
    pixels = images.astype(np.float32)
    before = network.head(network.features(pixels), training=False).numpy()
    answers = network.model.predict(pixels, verbose=0)
    data = tf.data.Dataset.from_tensor_slices((images, before.argmin(1))).batch(5)

    temperature = calibrate(network, data)

    assert temperature > 1  # every label is the least likely class
    after = network.model.predict(pixels, verbose=0)
    scaled = np.exp(before / temperature)
    np.testing.assert_allclose(after, scaled / scaled.sum(1, keepdims=True), rtol=1e-4)
    np.testing.assert_array_equal(after.argmax(1), answers.argmax(1))
