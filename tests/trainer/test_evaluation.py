from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from trainer.config import TrainConfig
from trainer.evaluation import Evaluator, score
from trainer.model import build

LOGITS = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
LABELS = np.array([0, 0, 1, 1])


def test_loss_and_accuracy_by_hand():
    scores = score(LOGITS, LABELS, calibrated=False)
    right, wrong = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))
    assert scores.loss == pytest.approx((3 * right + wrong) / 4)
    assert scores.accuracy == 0.75


def test_being_sure_or_unsure_does_not_decide():
    logits, labels = np.repeat(LOGITS, 500, 0), np.repeat(LABELS, 500)
    losses = [score(logits * scale, labels, calibrated=True).loss for scale in (0.5, 1.0, 3.0)]
    # Three of four are right: at the best temperature the loss is the entropy of that.
    assert losses == pytest.approx([-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))] * 3, abs=1e-3)


def test_nothing_scores_nan():
    scores = score(np.zeros((0, 2)), np.zeros(0, np.int64), calibrated=True)
    assert math.isnan(scores.loss)
    assert math.isnan(scores.accuracy)


def test_scores_a_network_over_uneven_batches():
    network = build(TrainConfig(weights="none", alpha=0.75, image_size=32), 3, 100)
    images = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), np.uint8)
    pixels = tf.cast(images, tf.float32)
    logits = network.head(network.features(pixels), training=False).numpy()
    labels = logits.argmax(1)
    labels[0] = logits[0].argmin()
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
    scores = Evaluator(network, calibrated=False)(data)
    assert scores.accuracy == pytest.approx(6 / 7)
    expected = score(logits.astype(np.float64), labels, calibrated=False)
    assert scores.loss == pytest.approx(expected.loss, rel=1e-4)
