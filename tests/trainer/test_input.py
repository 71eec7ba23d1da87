from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.records import coloured, write_examples
from trainer.cache import check_fits
from trainer.config import TrainConfig
from trainer.errors import UserError
from trainer.input import Source, training_batches

SMALL: dict[str, Any] = {"weights": "none", "image_size": 32, "batch_size": 8, "epochs": 4}


def _batches(root: Path, change: dict[str, Any], count: int, start: int = 0) -> list[Any]:
    config = TrainConfig.model_validate(SMALL | change)
    source = Source.of(f"{root}/Split-train/*", "train")
    data = training_batches(source, config, steps_per_epoch=12, start_step=start)
    return list(data.take(count).as_numpy_iterator())


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"cache": "memory"},
        {"cache": "disk"},
        {"class_balance": "sampling"},
        {"augment": {"mixup_alpha": 0.2}},
        {"augment": {"rand_augment": 2, "random_erasing": 0.5, "color_jitter": 0.5}},
    ],
)
def test_starting_at_a_step_gives_what_would_have_come_there(
    examples: Path, change: dict[str, Any]
) -> None:
    whole = _batches(examples, change, 15)
    late = _batches(examples, change, 2, start=13)
    for expected, got in zip(whole[13:], late, strict=True):
        np.testing.assert_array_equal(got[0], expected[0])
        np.testing.assert_array_equal(got[1], expected[1])
    assert whole[0][0].dtype == np.uint8
    assert whole[0][0].shape == (8, 32, 32, 3)
    np.testing.assert_allclose(whole[0][1].sum(-1), 1, atol=1e-6)


def test_every_epoch_sees_every_image_once_in_another_order(examples: Path) -> None:
    plain = {"flip": False, "crop": False, "cutmix": {"enabled": False}}
    batches = [images for images, _ in _batches(examples, plain, 24)]
    epochs = [
        [image.tobytes() for batch in batches[start : start + 12] for image in batch]
        for start in (0, 12)
    ]
    assert sorted(epochs[0]) == sorted(epochs[1])
    assert len(set(epochs[0])) == 96
    assert epochs[0] != epochs[1]


def test_cutmix_ends_before_the_last_epoch(examples: Path) -> None:
    change = {"epochs": 2, "cutmix": {"probability": 1.0, "off_last_epochs": 1}}
    labels = np.stack([label for _, label in _batches(examples, change, 24)])
    mixed = ((labels > 0) & (labels < 1)).any(axis=(1, 2))
    assert mixed[:12].all()
    assert not mixed[12:].any()


def test_balanced_sampling_draws_classes_alike(tmp_path: Path) -> None:
    images = coloured(80, 4, 0)
    rare = [one for one in images if one[1] != 3] + [one for one in images if one[1] == 3][:2]
    write_examples(tmp_path, ["a", "b", "c", "d"], {"train": rare})
    labels = [label for _, label in _batches(tmp_path, {"class_balance": "sampling"}, 60)]
    share = np.concatenate(labels).mean(0)
    np.testing.assert_allclose(share, 0.25, atol=0.08)


def test_other_seeds_draw_otherwise(examples: Path) -> None:
    first, second = (_batches(examples, {"seed": seed}, 1)[0][0] for seed in (0, 1))
    assert (first != second).any()


def test_a_cache_that_does_not_fit_is_refused() -> None:
    check_fits(1000, "memory")
    with pytest.raises(UserError, match=r"cache: memory` needs 1048576\.00 GiB"):
        check_fits(2**50, "memory")
