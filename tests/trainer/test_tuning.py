from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from trainer import tuning
from trainer.config import TrainConfig, TuneConfig
from trainer.errors import ExitCode, UserError
from trainer.input import Source
from trainer.progress import LOGGER_NAME
from trainer.tuning import apply_values, make_tuner, named, search_space

CONFIG = TrainConfig.model_validate(
    {"weights": "none", "alpha": 0.75, "image_size": 32, "batch_size": 32}
)


def sources(examples: Path) -> tuple[Source, Source]:
    train, val = (Source.of(f"{examples}/Split-{one}/*", one) for one in ("train", "val"))
    return train, val


def test_values_reach_into_groups_and_are_checked() -> None:
    config = apply_values(TrainConfig(), {"learning_rate": 2e-4, "fine_tune.layer_decay": 0.7})
    assert (config.learning_rate, config.fine_tune.layer_decay) == (2e-4, 0.7)
    with pytest.raises(KeyError, match="no training setting is called 'rate'"):
        apply_values(TrainConfig(), {"rate": 1})
    with pytest.raises(ValueError, match="greater than 0"):
        apply_values(TrainConfig(), {"learning_rate": -1})


def test_every_name_of_the_space_is_a_setting() -> None:
    values = search_space(TuneConfig()).values
    assert len(values) == 3
    apply_values(TrainConfig(), values)


def test_a_search_finds_values_for_the_trainer(
    examples: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train, val = sources(examples)
    tuner = make_tuner(train, val, CONFIG, TuneConfig(trials=1, epochs=1), str(tmp_path))
    with caplog.at_level("INFO", LOGGER_NAME):
        tuner.search()
    best = tuner.get_best_hyperparameters()[0].get_config()["values"]
    assert 1e-4 <= apply_values(CONFIG, best).learning_rate <= 1e-3
    assert (
        f"search: trial 1 of 1: val_loss {tuner.oracle.get_best_trials(1)[0].score:.4g} with"
        in (caplog.text)
    )
    assert f"search: best of 1: {named(best)}" in caplog.text


def losses(outcomes: Sequence[float | UserError], monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings that end as stated, in turn, without training; phase one is better than all."""
    numbers = iter(outcomes)

    def fit(*_args: object, **_kwargs: object) -> SimpleNamespace:
        outcome = next(numbers)
        if isinstance(outcome, UserError):
            raise outcome
        history = [{"epoch": 0.0, "val_loss": 0.0}, {"epoch": 1.0, "val_loss": outcome}]
        return SimpleNamespace(history=history)

    monkeypatch.setattr(tuning.loop, "fit", fit)


DIVERGED = UserError("it diverged", fix="lower it", code=ExitCode.TRAINING_FAILED)


def test_a_trial_that_diverges_loses_and_phase_one_does_not_count(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses([0.7, *[DIVERGED] * 3, 0.5], monkeypatch)
    tuner = make_tuner(*sources(examples), CONFIG, TuneConfig(trials=5), str(tmp_path))
    tuner.search()
    (best,) = tuner.oracle.get_best_trials(1)
    assert best.score == 0.5
    assert len(tuner.oracle.trials) == 5


def test_a_search_of_which_every_trial_diverges_is_a_failed_training(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses([DIVERGED] * 4, monkeypatch)
    tuner = make_tuner(*sources(examples), CONFIG, TuneConfig(trials=4), str(tmp_path))
    with pytest.raises(UserError, match="all 4 trials diverged") as caught:
        tuner.search()
    assert caught.value.code == ExitCode.TRAINING_FAILED


def test_a_mistake_that_no_value_mends_ends_the_search(examples: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"batch_size": 129})
    tuner = make_tuner(*sources(examples), config, TuneConfig(), str(tmp_path))
    with pytest.raises(UserError, match="fewer than one batch") as caught:
        tuner.search()
    assert caught.value.code == ExitCode.DATA_REFUSED
