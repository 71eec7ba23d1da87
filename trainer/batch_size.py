"""How many images a step takes where there are fewer than the settings ask for."""

from __future__ import annotations

from trainer.config import TrainConfig
from trainer.errors import ExitCode, UserError
from trainer.progress import report


def with_batch_that_fits(config: TrainConfig, size: int) -> TrainConfig:
    """The settings with `batch_size` halved until `size` images fill a batch, saying so.

    Raises:
      UserError: there are not two images, or a batch of that size cannot be halved.
    """
    batch = config.batch_size
    while batch > size and batch % 2 == 0:
        batch //= 2
    if not 2 <= batch <= size:
        raise UserError(
            f"the train split has {size} images, fewer than one batch of {config.batch_size}",
            fix="add images, or lower `batch_size`",
            code=ExitCode.DATA_REFUSED,
        )
    if batch < config.batch_size:
        note = f"in batches of {batch}, since {size} images are no batch of {config.batch_size}"
        report("batch", done=1, total=1, final=True, note=note)
    return config.model_copy(update={"batch_size": batch})
