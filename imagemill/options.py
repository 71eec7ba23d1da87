"""Flags of `run` for the common settings; each is the name of a config key, so there is nothing new to learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from trainer.errors import UserError

_F = TypeVar("_F", bound=Callable[..., Any])
json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

# flag -> (config key, type, help)
_FLAGS: dict[str, tuple[str, Any, str]] = {
    "--name": ("name", str, "Name of the model; default: the folder's."),
    "--output": ("output", str, "Folder for artifacts, logs and history."),
    "--registry": ("registry", str, "Folder of the model registry."),
    "--weights": ("train.weights", str, "imagenet, none, or a .weights.h5 file."),
    "--alpha": ("train.alpha", float, "Width of MobileNetV3: 0.75 or 1.0."),
    "--image-size": ("train.image_size", int, "Training resolution in pixels."),
    "--batch-size": ("train.batch_size", int, "Images per step."),
    "--epochs": ("train.epochs", int, "Passes over the training images."),
    "--learning-rate": ("train.learning_rate", float, "Peak learning rate."),
    "--label-mode": ("train.label_mode", str, "int, binary or categorical."),
    "--seed": ("train.seed", int, "Seed of everything random in training."),
}


def setting_flags(function: _F) -> _F:
    """Adds the flags to a click command; their values arrive as keyword arguments."""
    for flag, (key, kind, text) in reversed(_FLAGS.items()):
        function = click.option(flag, _argument(key), type=kind, help=text)(function)
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        help="Any other config key, such as --set train.cutmix.probability=0.",
    )(function)


def overrides(flags: Mapping[str, Any], settings: tuple[str, ...]) -> dict[str, Any]:
    """Nested config values from the flags that were given and from `--set KEY=VALUE`.

    Raises:
      UserError: a `--set` without `=`.
    """
    import yaml

    # Not at the top: `--help` needs the flags only.
    from pipeline.config import merge

    values: dict[str, Any] = {}
    for key, _, _ in _FLAGS.values():
        given = flags.get(_argument(key))
        if given is not None:
            values = merge(values, _nested(key, given))
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key:
            raise UserError(
                f"--set takes KEY=VALUE; received {setting!r}", fix="write --set train.epochs=12"
            )
        values = merge(values, _nested(key.strip(), yaml.safe_load(text)))
    return values


def _argument(key: str) -> str:
    return key.replace(".", "_")


def _nested(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value
