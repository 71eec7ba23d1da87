from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer import losses
from trainer.errors import UserError
from trainer.mixing import encode_labels

LOGITS = tf.constant([[2.0, -1.0], [0.3, 0.4], [-3.0, 1.0]])
LABELS = tf.constant([0, 0, 1], tf.int64)


def test_every_label_form_gives_the_same_loss_for_the_same_labels() -> None:
    values = {
        mode: losses.example_losses(LOGITS, encode_labels(LABELS, 2, mode), mode=mode).numpy()
        for mode in ("int", "binary", "categorical")
    }
    np.testing.assert_allclose(values["binary"], values["int"], rtol=1e-5)
    np.testing.assert_allclose(values["categorical"], values["int"], rtol=1e-5)


def test_smoothing_is_that_of_keras() -> None:
    labels = encode_labels(LABELS, 2, "categorical")
    ours = losses.example_losses(LOGITS, labels, mode="categorical", smoothing=0.1)
    theirs = keras.losses.categorical_crossentropy(
        labels, LOGITS, from_logits=True, label_smoothing=0.1
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    binary = losses.example_losses(
        LOGITS, encode_labels(LABELS, 2, "binary"), mode="binary", smoothing=0.1
    )
    np.testing.assert_allclose(binary, theirs, rtol=1e-5)


@pytest.mark.parametrize("mode", ["int", "binary", "categorical"])
def test_hard_labels_undo_the_encoding(mode: str) -> None:
    got = losses.hard_labels(encode_labels(LABELS, 2, mode), mode)
    np.testing.assert_array_equal(got, LABELS)


@pytest.mark.parametrize("mode", ["int", "binary", "categorical"])
def test_class_weights_make_classes_count_alike(mode: str) -> None:
    weights = losses.class_weights(np.array([2, 1]))
    each = losses.label_weights(encode_labels(LABELS, 2, mode), tf.constant(weights), mode).numpy()
    assert each[0] + each[1] == pytest.approx(each[2])
    assert each.mean() == pytest.approx(1.0)


def test_an_absent_class_has_weight_one() -> None:
    np.testing.assert_allclose(losses.class_weights(np.array([5, 0, 5])), [1, 1, 1])


def test_binary_needs_two_classes() -> None:
    losses.check_label_mode("binary", ["a", "b"])
    with pytest.raises(UserError, match="the data has 3: a, b, c"):
        losses.check_label_mode("binary", ["a", "b", "c"])
