"""Flags and `--set` become nested config values."""

from __future__ import annotations

import pytest

from imagemill.options import overrides
from trainer.errors import UserError


def test_flags_and_settings_meet_in_one_tree():
    flags = {"train_epochs": 3, "train_alpha": None, "name": "m"}
    assert overrides(flags, ("train.cutmix.probability=0", "data.seed=4")) == {
        "name": "m",
        "train": {"epochs": 3, "cutmix": {"probability": 0}},
        "data": {"seed": 4},
    }


def test_set_without_a_value_is_refused():
    with pytest.raises(UserError, match=r"received 'train\.epochs'"):
        overrides({}, ("train.epochs",))
