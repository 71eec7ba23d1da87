from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from trainer.config import HeadConfig, TrainConfig
from trainer.head import PENALTIES, Features, fit_head
from trainer.model import Network, build

CONFIG = TrainConfig(weights="none", alpha=0.75, image_size=32)


@pytest.fixture(scope="module")
def network() -> Network:
    return build(CONFIG, 3, 100)


def features(count: int, seed: int, views: int = 1) -> Features:
    """432 features, of which three say something: what a small data set drowns in."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, count)
    values = random.normal(0, 1, (count, 432)).astype(np.float32)
    values[np.arange(count), labels] += 3
    return Features(np.concatenate([values] * views), np.concatenate([labels] * views), views)


def answers(network: Network, data: Features) -> np.ndarray:
    return network.head(tf.constant(data.values), training=False).numpy()


def accuracy(network: Network, data: Features) -> float:
    return float((answers(network, data).argmax(1) == data.labels).mean())


def test_the_network_answers_as_the_scores_say(network: Network):
    held_out = features(200, 2)
    config = CONFIG.model_copy(update={"calibrate": False})
    scores = fit_head(network, features(150, 1), held_out, config)
    right = log_softmax(answers(network, held_out), axis=1)[np.arange(200), held_out.labels]
    assert scores.loss == pytest.approx(-right.mean(), rel=1e-4)
    assert scores.accuracy == accuracy(network, held_out)


def test_held_out_photos_choose_a_penalty_that_keeps_it_from_learning_by_heart(network: Network):
    train, held_out, others = features(500, 1), features(200, 2), features(2000, 3)
    wrong = np.arange(500) % 5 == 0
    train = train._replace(labels=np.where(wrong, (train.labels + 1) % 3, train.labels))
    fit_head(network, train, held_out, CONFIG)
    chosen = accuracy(network, others)
    loose = CONFIG.model_copy(update={"head": HeadConfig(l2=0.01)})
    fit_head(network, train, held_out, loose)
    assert accuracy(network, train) == 1
    assert chosen > accuracy(network, others) + 0.05


def test_training_mode_starts_from_the_same_logits(network: Network):
    train = features(150, 1)
    fit_head(network, train, features(50, 2), CONFIG)
    as_trained = network.head(tf.constant(train.values), training=True).numpy()
    np.testing.assert_allclose(as_trained, answers(network, train), atol=1e-3)


def test_two_equal_views_are_one(network: Network):
    config = CONFIG.model_copy(update={"head": HeadConfig(l2=30.0)})
    logits = []
    for views in (1, 2):
        fit_head(network, features(150, 1, views), features(50, 2), config)
        logits.append(answers(network, features(20, 4)))
    np.testing.assert_allclose(logits[0], logits[1], atol=0.02)


def test_without_held_out_photos_one_penalty_is_taken(network: Network):
    nothing = Features(np.zeros((0, 432), np.float32), np.zeros(0, np.int64), 1)
    scores = fit_head(network, features(150, 1), nothing, CONFIG)
    assert np.isnan(scores.loss)
    assert PENALTIES[2] == 100
    logits = answers(network, features(20, 4))
    stated = CONFIG.model_copy(update={"head": HeadConfig(l2=100.0)})
    fit_head(network, features(150, 1), nothing, stated)
    np.testing.assert_allclose(answers(network, features(20, 4)), logits, atol=0.05)


def test_balance_lifts_a_rare_class(network: Network):
    train, others = features(900, 1), features(2000, 3)
    rare = np.flatnonzero((train.labels != 0) | (np.arange(900) % 10 == 0))
    train = Features(train.values[rare], train.labels[rare], 1)
    recall = {}
    for balance in ("none", "weights"):
        config = CONFIG.model_copy(update={"class_balance": balance, "head": HeadConfig(l2=10.0)})
        fit_head(network, train, features(100, 2), config)
        answered = answers(network, others).argmax(1)
        recall[balance] = (answered[others.labels == 0] == 0).mean()
    assert recall["weights"] > recall["none"] + 0.1
