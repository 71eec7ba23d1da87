"""Search over a small space of training settings with KerasTuner, for TFX's Tuner node.

    Tuner(tuner_fn="trainer.tuning.tuner_fn", custom_config={"config": ..., "tune": tune_config.model_dump()})

A trial is a short training; its score is the best held-out loss of its phase two. The best values reach
`trainer.run.run_fn` as `fn_args.hyperparameters`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

import keras_tuner

from trainer import loop
from trainer.config import TrainConfig, TuneConfig
from trainer.errors import ExitCode, UserError
from trainer.input import Source
from trainer.losses import check_label_mode
from trainer.progress import report
from trainer.seeds import set_seeds
from trainer.warm_start import Start, find_start

_OBJECTIVE = "val_loss"
_TASK = "search"


class MistakeError(UserError, keras_tuner.errors.FatalError):  # type: ignore[misc]
    """What no other values would mend; it ends a search, where KerasTuner would try the next trial."""


def tuner_fn(fn_args: Any) -> Any:
    """What TFX's Tuner calls.

    Args:
      fn_args: TFX's FnArgs. Read: `train_files`, `eval_files`, `working_dir`, and in `custom_config`: `config` (a
        TrainConfig as a dict), `tune` (a TuneConfig as a dict), and `registry`, `name` and `in_service` as the
        Trainer reads them.

    Returns:
      TFX's TunerFnResult.
    """
    from tfx.components.tuner.component import TunerFnResult

    custom = fn_args.custom_config or {}
    config = TrainConfig.model_validate(custom.get("config", {}))
    tune = TuneConfig.model_validate(custom.get("tune", {}))
    train, val = Source.of(fn_args.train_files, "train"), Source.of(fn_args.eval_files, "val")
    check_label_mode(config.label_mode, train.info.class_names)
    start, _ = find_start(config, custom, train.info.class_names)
    tuner = make_tuner(train, val, config, tune, fn_args.working_dir, start)
    return TunerFnResult(tuner=tuner, fit_kwargs={})


def make_tuner(
    train: Source,
    val: Source,
    config: TrainConfig,
    tune: TuneConfig,
    folder: str,
    start: Start | None = None,
) -> SettingsTuner:
    """A random search over `search_space(tune)`."""
    oracle = keras_tuner.oracles.RandomSearchOracle(
        objective=keras_tuner.Objective(_OBJECTIVE, "min"),
        max_trials=tune.trials,
        hyperparameters=search_space(tune),
        seed=config.seed,
        # A learning rate at which training diverges is a result; `on_search_end` says so if all did.
        max_consecutive_failed_trials=tune.trials + 1,
    )
    config = config.model_copy(update={"epochs": tune.epochs})
    return SettingsTuner(
        train, val, config, start, oracle=oracle, directory=folder, project_name="tune"
    )


def search_space(tune: TuneConfig) -> keras_tuner.HyperParameters:
    """The settings that a trial draws, under their dotted names."""
    space = keras_tuner.HyperParameters()
    low, high = tune.learning_rate
    space.Float("learning_rate", low, high, sampling="log")
    space.Choice("fine_tune.layer_decay", list(tune.layer_decay))
    space.Choice("optimizer.weight_decay", list(tune.weight_decay))
    return space


class SettingsTuner(keras_tuner.Tuner):  # type: ignore[misc]
    """Scores settings by training with them."""

    def __init__(
        self,
        train: Source,
        val: Source,
        config: TrainConfig,
        start: Start | None = None,
        **kwargs: Any,
    ) -> None:
        self._train, self._val, self._config, self._start = train, val, config, start
        super().__init__(hypermodel=None, **kwargs)

    def run_trial(self, trial: Any, *_args: Any, **_kwargs: Any) -> dict[str, float]:
        """The best held-out loss of a training with the trial's values."""
        values = trial.hyperparameters.values
        try:
            scores = {_OBJECTIVE: self._loss(values)}
        except UserError as error:
            if error.code == ExitCode.TRAINING_FAILED:
                self._tell(f"diverged with {named(values)}")
                raise keras_tuner.errors.FailedTrialError(error.message) from error
            raise MistakeError(error.message, fix=error.fix, code=error.code) from error
        self._tell(f"{_OBJECTIVE} {scores[_OBJECTIVE]:.4g} with {named(values)}")
        return scores

    def on_search_end(self) -> None:
        """Says which values won.

        Raises:
          UserError: no trial has a score.
        """
        trials = self.oracle.max_trials
        (best,) = self.oracle.get_best_trials(1)
        if best.score is None:
            raise UserError(
                f"the search found nothing: all {trials} trials diverged",
                fix="lower `tune.learning_rate`",
                code=ExitCode.TRAINING_FAILED,
            )
        values = named(best.hyperparameters.values)
        report(_TASK, done=trials, total=trials, note=f"best of {trials}: {values}", final=True)

    def load_model(self, trial: Any) -> None:
        """Trials keep no model: the Trainer trains anew with the best values."""

    def _loss(self, values: Mapping[str, Any]) -> float:
        """Of phase two alone: these values leave phase one as it is."""
        config = apply_values(self._config, values)
        set_seeds(config)
        with tempfile.TemporaryDirectory() as folder:
            fitted = loop.fit(
                self._train, self._val, config, checkpoint_dir=folder, start=self._start
            )
        return min(one["val_loss"] for one in fitted.history if one["epoch"] > 0)

    def _tell(self, what: str) -> None:
        number, trials = len(self.oracle.trials), self.oracle.max_trials
        note = f"trial {number} of {trials}: {what}"
        report(_TASK, done=number, total=trials, note=note, final=True)


def apply_values(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """Settings with the values of a trial; a dotted name reaches into a group.

    Raises:
      KeyError: there is no such setting.
    """
    merged = config.model_dump(mode="json")
    for name, value in values.items():
        group = merged
        *parents, last = name.split(".")
        for parent in parents:
            group = group[parent]
        if last not in group:
            raise KeyError(f"no training setting is called {name!r}")
        group[last] = value
    return TrainConfig.model_validate(merged)


def named(values: Mapping[str, Any]) -> str:
    """`learning_rate 0.0003, fine_tune.layer_decay 0.85`."""
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())
