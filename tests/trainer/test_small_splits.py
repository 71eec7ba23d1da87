"""A training split that is smaller than a batch."""

from __future__ import annotations

import pytest

from trainer.batch_size import with_batch_that_fits
from trainer.config import TrainConfig
from trainer.errors import ExitCode, UserError

CONFIG = TrainConfig(weights="none")


@pytest.mark.parametrize(
    ("size", "batch"), [(33, 32), (32, 32), (31, 16), (20, 16), (5, 4), (3, 2), (2, 2)]
)
def test_a_batch_is_halved_until_the_images_fill_it(size: int, batch: int):
    assert with_batch_that_fits(CONFIG, size).batch_size == batch


def test_it_is_said(caplog: pytest.LogCaptureFixture):
    with caplog.at_level("INFO", "imagemill.progress"):
        with_batch_that_fits(CONFIG, 20)
    assert "in batches of 16, since 20 images are no batch of 32" in caplog.text
    caplog.clear()
    with_batch_that_fits(CONFIG, 32)
    assert caplog.text == ""


@pytest.mark.parametrize(("size", "batch"), [(1, 32), (0, 32), (20, 27), (20, 54)])
def test_too_few_for_any_half_of_it_is_refused(size: int, batch: int):
    config = CONFIG.model_copy(update={"batch_size": batch})
    with pytest.raises(UserError, match=f"{size} images, fewer than one batch of {batch}") as error:
        with_batch_that_fits(config, size)
    assert error.value.code is ExitCode.DATA_REFUSED
