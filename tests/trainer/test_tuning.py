from __future__ import annotations

from pathlib import Path

import pytest

from trainer.config import TrainConfig, TuneConfig
from trainer.input import Source
from trainer.tuning import apply_values, make_tuner, search_space


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


def test_a_search_finds_values_for_the_trainer(examples: Path, tmp_path: Path) -> None:
    config = TrainConfig.model_validate(
        {"weights": "none", "alpha": 0.75, "image_size": 32, "batch_size": 32}
    )
    train = Source.of(f"{examples}/Split-train/*", "train")
    val = Source.of(f"{examples}/Split-val/*", "val")
    tuner = make_tuner(train, val, config, TuneConfig(trials=1, epochs=1), str(tmp_path))
    tuner.search()
    best = tuner.get_best_hyperparameters()[0].get_config()["values"]
    assert 1e-4 <= apply_values(config, best).learning_rate <= 1e-3
