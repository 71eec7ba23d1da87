"""What is said where starting weights are missing, without loading TensorFlow."""

from __future__ import annotations

from trainer.errors import UserError


def no_such_weights(path: str) -> UserError:
    """The error for a `weights` that names no file."""
    return UserError(
        f"`weights` names {path!r}, and there is no such file",
        fix="set `weights` to a .weights.h5 or .h5 file, `imagenet`, or `none`",
    )
