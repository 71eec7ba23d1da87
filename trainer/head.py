"""Phase one: the head alone, on features of the frozen backbone that are computed once and reused.

    features = cached_features(network, train, config, views=2)
    scores = fit_head(network, features, held_out, config)

On frozen features the head is a convex problem, solved by L-BFGS in seconds (`trainer.logistic`). How strongly its
weights are held down is chosen by the held-out photos: passes of a gradient descent that is not held down learn the
training photos by heart, and cost four points on 1,350 photos.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer import logistic, losses
from trainer.config import TrainConfig
from trainer.evaluation import Scores, score
from trainer.input import Source, evaluation_batches
from trainer.model import Network
from trainer.progress import report

PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
_TASK = "train head"


class Features(NamedTuple):
    """Features of a split.

    Attributes:
      values: float32 [V * N, D], view after view.
      labels: int64 [V * N].
      views: V.
    """

    values: NDArray[Any]
    labels: NDArray[Any]
    views: int


def cached_features(
    network: Network, source: Source, config: TrainConfig, *, views: int
) -> Features:
    """Features of every photo of a split: the centre, and with two views also its mirror image."""
    extract = tf.function(
        lambda images: network.features(tf.cast(images, network.model.compute_dtype)),
        reduce_retracing=True,
    )
    values: list[NDArray[Any]] = []
    labels: list[NDArray[Any]] = []
    done = 0
    for mirrored in (False, True)[:views]:
        for images, batch_labels in evaluation_batches(source, config, mirrored=mirrored):
            values.append(extract(images).numpy().astype(np.float32))
            labels.append(batch_labels.numpy())
            done += len(labels[-1])
            report(_TASK, done=done, total=source.size * views, unit="images")
    if not values:
        return Features(np.zeros((0, 1), np.float32), np.zeros(0, np.int64), views)
    return Features(np.concatenate(values), np.concatenate(labels), views)


def fit_head(network: Network, train: Features, held_out: Features, config: TrainConfig) -> Scores:
    """Fits the head on cached features.

    Args:
      network: whose head is set.
      train: of the training photos.
      held_out: of the held-out photos, which choose the penalty where the settings do not state one.
      config: penalty, iterations and class balance.

    Returns:
      Loss and accuracy on the held-out photos.
    """
    chosen, scores = _best(train, held_out, int(network.dense.units), config)
    _assign(network, chosen, chosen.logits(train.values))
    figures = {"l2": chosen.penalty, "val_loss": scores.loss, "val_accuracy": scores.accuracy}
    report(_TASK, done=1, total=1, unit="fits", metrics=figures, final=True)
    return scores


def _best(
    train: Features, held_out: Features, classes: int, config: TrainConfig
) -> tuple[logistic.Fit, Scores]:
    """The fit of the lowest held-out loss; weaker penalties are not tried once it rises."""
    stated = config.head.l2
    penalties = PENALTIES if stated is None and len(held_out.labels) else (stated or PENALTIES[2],)
    fits = logistic.path(
        train.values,
        train.labels,
        classes=classes,
        penalties=penalties,
        weights=_row_weights(train, classes, config),
        iterations=config.head.iterations,
    )

    def scored(fit: logistic.Fit) -> Scores:
        logits = fit.logits(held_out.values)
        return score(logits, held_out.labels, calibrated=config.calibrate)

    best = next(fits)
    best_scores = scored(best)
    for fit in fits:
        scores = scored(fit)
        if not scores.loss < best_scores.loss:
            break
        best, best_scores = fit, scores
    return best, best_scores


def _row_weights(train: Features, classes: int, config: TrainConfig) -> NDArray[Any]:
    """Every photo weighs 1 over its views, so that the penalty means the same with one view or two."""
    rows = np.full(len(train.labels), 1 / train.views, np.float32)
    if config.class_balance == "none":
        return rows
    of_class = losses.class_weights(np.bincount(train.labels, minlength=classes))
    return np.asarray(rows * of_class[train.labels])


def _assign(network: Network, fit: logistic.Fit, logits: NDArray[Any]) -> None:
    """Sets Dense to the fit and its normalisation to one that passes these logits on as they are."""
    dense, norm = network.dense, network.norm
    dense.kernel.assign(fit.kernel)
    dense.bias.assign(fit.bias)
    mean, variance = logits.mean(0), logits.var(0)
    norm.moving_mean.assign(mean)
    norm.moving_variance.assign(variance)
    norm.beta.assign(mean)
    norm.gamma.assign(np.sqrt(variance + norm.epsilon))
