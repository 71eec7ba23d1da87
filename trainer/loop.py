"""The training loop: phase one, phase two with evaluation after every epoch, resuming, stopping early.

    outcome = fit(train_source, val_source, config, checkpoint_dir="...", log_dir="...")
    outcome.network.model, outcome.history

The loop owns when things happen; what a step does is in `trainer.step`, what a checkpoint holds in `trainer.state`.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf
from numpy.typing import NDArray

from trainer import checkpoint, head
from trainer.batch_size import with_batch_that_fits
from trainer.config import TrainConfig
from trainer.devices import make_strategy
from trainer.errors import ExitCode, UserError
from trainer.evaluation import Evaluator, Scores
from trainer.groups import make_groups
from trainer.health import Health
from trainer.input import Source, evaluation_batches, sample_batches, training_batches
from trainer.interrupt import Interrupt
from trainer.losses import class_weights
from trainer.model import Network, build
from trainer.optimizer import learning_rate_at
from trainer.precision import FLOAT32, Choice, choose, precision, seconds_a_step
from trainer.progress import report
from trainer.recalibrate import Recalibrator
from trainer.state import RunState
from trainer.step import Outcome, TrainStep
from trainer.warm_start import Start
from trainer.watch import Watch

_SAMPLE_BATCHES = 10
_LOGGER = logging.getLogger(__name__)

EpochRecord = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What training gives.

    Attributes:
      network: with the best weights.
      history: one record an epoch: loss, accuracy, val_loss, val_accuracy, seconds ...
      resumed_from: the step that a checkpoint gave, 0 for a fresh run.
      precision: the arithmetic that it trained in.
    """

    network: Network
    history: Sequence[EpochRecord]
    resumed_from: int
    precision: Choice


def fit(
    train: Source,
    val: Source,
    config: TrainConfig,
    *,
    checkpoint_dir: str,
    watch: Watch | None = None,
    start: Start | None = None,
) -> Fitted:
    """Trains a model, resuming from the newest whole checkpoint in `checkpoint_dir`.

    A fresh run begins at `start`, or at the weights that the settings name.

    Raises:
      UserError: too few images, weights that cannot be used, or a diverging loss.
      SystemExit: after SIGTERM, once a checkpoint is written.
      KeyboardInterrupt: after Ctrl-C, once a checkpoint is written.
    """
    config = with_batch_that_fits(config, train.size)
    return Run(train, val, config, checkpoint_dir, watch or Watch(), start).fit()


class Run:
    """One training run in the making."""

    def __init__(
        self,
        train: Source,
        val: Source,
        config: TrainConfig,
        checkpoint_dir: str,
        watch: Watch,
        start: Start | None,
    ) -> None:
        self._train, self._val, self._config, self._start = train, val, config, start
        self._checkpoint_dir, self._watch = checkpoint_dir, watch
        self._steps_per_epoch = train.size // config.batch_size
        self._steps = self._steps_per_epoch * config.epochs
        self._strategy = make_strategy(config)
        self._precision = self._choose_precision()
        with self._strategy.scope():
            self.network = self._build(self._precision.policy)
        variables, groups = make_groups(self.network, config, self._steps_per_epoch)
        self._step = TrainStep(
            self.network, variables, config, groups, self._strategy, self._class_weights()
        )
        self._evaluate = Evaluator(self.network, calibrated=config.calibrate)
        self._recalibrate = Recalibrator(self.network, config)
        self._state = RunState(self.network, self._step.optimizer)
        self._health = Health()

    def fit(self) -> Fitted:
        """Runs both phases and restores the best weights."""
        saved = checkpoint.load_latest(self._checkpoint_dir)
        if saved is not None:
            _LOGGER.info("going on from the checkpoint of step %d", saved.step)
            self._state.restore(saved)
        else:
            self._train_head()
        resumed_from = self._state.step
        if self._config.epochs and not self._state.stopped:
            self._fine_tune()
        self._state.restore_best()
        return Fitted(self._plain(), self._state.history, resumed_from, self._precision)

    def _choose_precision(self) -> Choice:
        """That of the run that is resumed, or a new choice; `fit` looks again, since training may begin later."""
        saved = checkpoint.load_latest(self._checkpoint_dir)
        if saved is not None:
            return Choice(*saved.facts["precision"])
        return choose(self._config, steps=self._steps, measure=self._seconds_a_step)

    def _seconds_a_step(self, policy: str) -> float:
        classes, replicas = len(self._train.info.class_names), self._strategy.num_replicas_in_sync
        return seconds_a_step(self._build(policy), self._config, classes, replicas)

    def _build(self, policy: str) -> Network:
        classes = len(self._train.info.class_names)
        with precision(policy):
            return build(self._config, classes, self._steps, self._start)

    def _plain(self) -> Network:
        """The network on one device in float32, whatever it was trained with."""
        if self._precision.policy == FLOAT32 and self._strategy.num_replicas_in_sync == 1:
            return self.network
        config = self._config.model_copy(update={"weights": "none"})
        plain = build(config, len(self._train.info.class_names), self._steps)
        plain.model.set_weights(self.network.model.get_weights())
        return dataclasses.replace(plain, trunk=plain.backbone)

    def _train_head(self) -> None:
        config, network = self._config, self.network
        if config.pretrained and config.head.iterations:
            views = config.head.views if config.flip else 1
            features = head.cached_features(network, self._train, config, views=views)
            held_out = head.cached_features(network, self._val, config, views=1)
            scores = head.fit_head(network, features, held_out, config)
            self._step.optimizer.reset_average()
            self._finish_epoch({"epoch": 0.0, **_named(scores)}, scores)
        self._save()

    def _fine_tune(self) -> None:
        with Interrupt() as interrupt:
            started, first = time.monotonic(), self._state.step
            for images, labels in self._batches():
                outcome = self._one_step(images, labels)
                self._state.record(outcome)
                self._progress(started, first)
                if self._state.step % self._steps_per_epoch == 0:
                    self._end_epoch(time.monotonic() - started, first)
                    started, first = time.monotonic(), self._state.step
                if interrupt.requested is not None:
                    self._stop_for(interrupt.requested.name)
                if self._state.step >= self._steps or self._state.stopped:
                    break
                if self._state.step % self._config.checkpoint_every_steps == 0:
                    self._save()
        self._save()

    def _batches(self) -> Iterator[Any]:
        batches = training_batches(
            self._train,
            self._config,
            steps_per_epoch=self._steps_per_epoch,
            start_step=self._state.step,
        )
        if self._strategy.num_replicas_in_sync > 1:
            return iter(self._strategy.experimental_distribute_dataset(batches))
        return iter(batches)

    def _one_step(self, images: tf.Tensor, labels: tf.Tensor) -> Outcome:
        number = self._state.step
        rate = learning_rate_at(
            number, self._steps, self._config.learning_rate, self._config.optimizer
        )
        outcome = self._step(images, labels, rate=rate, number=number)
        problem = self._health.problem(float(outcome.loss))
        if problem is not None:
            self._give_up(number, problem)
        return outcome

    def _end_epoch(self, seconds: float, first: int) -> None:
        with self._state.averaged():
            self._recalibrate(sample_batches(self._train, self._config, _SAMPLE_BATCHES))
            scores = self._evaluate(evaluation_batches(self._val, self._config))
            images = (self._state.step - first) * self._config.batch_size
            record = {
                "epoch": self._state.step / self._steps_per_epoch,
                **self._state.take_training_figures(self._config.batch_size),
                **_named(scores),
                "seconds": seconds,
                "images_per_second": images / max(seconds, 1e-9),
            }
            self._finish_epoch(record, scores)
        patience = self._config.early_stopping
        self._state.stopped = (
            patience is not None and epochs_waited(self._state.history) >= patience
        )

    def _finish_epoch(self, record: EpochRecord, scores: Scores) -> None:
        self._state.finish_epoch(record, scores.loss)
        self._watch.epoch(record, self._state.step)
        report(
            "train",
            done=record["epoch"],
            total=self._config.epochs,
            unit="epochs",
            metrics=record,
            final=True,
        )

    def _progress(self, started: float, first: int) -> None:
        if self._watch.due():
            rate = (self._state.step - first) / max(time.monotonic() - started, 1e-9)
            figures = {
                "loss": self._state.last_loss,
                "images_per_second": rate * self._config.batch_size,
                "seconds_left": (self._steps - self._state.step) / rate,
            }
            done = self._state.step / self._steps_per_epoch
            report("train", done=done, total=self._config.epochs, unit="epochs", metrics=figures)

    def _save(self) -> None:
        arrays, facts = self._state.snapshot()
        facts["precision"] = self._precision
        checkpoint.save(self._checkpoint_dir, step=self._state.step, arrays=arrays, facts=facts)

    def _stop_for(self, signal_name: str) -> None:
        self._save()
        if signal_name == "SIGINT":
            raise KeyboardInterrupt
        raise SystemExit(128 + 15)

    def _give_up(self, step: int, problem: str) -> None:
        self._state.restore_best()
        kept = self._watch.keep_weights(self.network.model)
        raise UserError(
            f"training diverged at step {step} of {self._steps}: {problem}; the best weights until "
            f"then are in {kept!r}",
            fix=f"lower `learning_rate` (it is {self._config.learning_rate:g}) or "
            "`optimizer.clip_norm`",
            code=ExitCode.TRAINING_FAILED,
        )

    def _class_weights(self) -> NDArray[Any] | None:
        if self._config.class_balance != "weights":
            return None
        return class_weights(self._train.class_counts)


def epochs_waited(history: Sequence[EpochRecord]) -> int:
    """Epochs of phase two since its lowest held-out loss.

    Phase one does not count: until the learning rate decays, epochs of phase two are often worse than its head.
    """
    best, waited = float("inf"), 0
    for record in history:
        if record["epoch"] > 0:
            better = record["val_loss"] < best
            best, waited = (record["val_loss"], 0) if better else (best, waited + 1)
    return waited


def _named(scores: Scores) -> EpochRecord:
    return {"val_loss": scores.loss, "val_accuracy": scores.accuracy}
