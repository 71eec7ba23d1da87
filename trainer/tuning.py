"""Search over a small space of training settings with KerasTuner, for TFX's Tuner node.

    Tuner(tuner_fn="trainer.tuning.tuner_fn", custom_config={"config": ..., "tune": tune_config.model_dump()})

A trial is a short training; its score is the best held-out loss. The best values reach `trainer.run.run_fn` as
`fn_args.hyperparameters`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

import keras_tuner

from trainer import loop
from trainer.config import TrainConfig, TuneConfig
from trainer.input import Source

_OBJECTIVE = "val_loss"


def tuner_fn(fn_args: Any) -> Any:
    """What TFX's Tuner calls.

    Args:
      fn_args: TFX's FnArgs. Read: `train_files`, `eval_files`, `working_dir`, and in `custom_config`: `config` (a
        TrainConfig as a dict) and `tune` (a TuneConfig as a dict).

    Returns:
      TFX's TunerFnResult.
    """
    from tfx.components.tuner.component import TunerFnResult

    custom = fn_args.custom_config or {}
    config = TrainConfig.model_validate(custom.get("config", {}))
    tune = TuneConfig.model_validate(custom.get("tune", {}))
    train, val = Source.of(fn_args.train_files, "train"), Source.of(fn_args.eval_files, "val")
    return TunerFnResult(
        tuner=make_tuner(train, val, config, tune, fn_args.working_dir), fit_kwargs={}
    )


def make_tuner(
    train: Source, val: Source, config: TrainConfig, tune: TuneConfig, folder: str
) -> SettingsTuner:
    """A random search over `search_space(tune)`."""
    oracle = keras_tuner.oracles.RandomSearchOracle(
        objective=keras_tuner.Objective(_OBJECTIVE, "min"),
        max_trials=tune.trials,
        hyperparameters=search_space(tune),
        seed=config.seed,
    )
    config = config.model_copy(update={"epochs": tune.epochs})
    return SettingsTuner(train, val, config, oracle=oracle, directory=folder, project_name="tune")


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

    def __init__(self, train: Source, val: Source, config: TrainConfig, **kwargs: Any) -> None:
        self._train, self._val, self._config = train, val, config
        super().__init__(hypermodel=None, **kwargs)

    def run_trial(self, trial: Any, *_args: Any, **_kwargs: Any) -> dict[str, float]:
        """The best held-out loss of a training with the trial's values."""
        config = apply_values(self._config, trial.hyperparameters.values)
        with tempfile.TemporaryDirectory() as folder:
            fitted = loop.fit(self._train, self._val, config, checkpoint_dir=folder)
        return {_OBJECTIVE: min(one["val_loss"] for one in fitted.history)}

    def load_model(self, trial: Any) -> None:
        """Trials keep no model: the Trainer trains anew with the best values."""


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
