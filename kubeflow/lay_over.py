"""Run-time parameters of KFP laid over settings that a step holds as JSON.

    apply({"custom_config": '{"config": {"epochs": 8}}', "epochs": 3}, ["epochs=custom_config.config.epochs"])
    # {"custom_config": '{"config": {"epochs": 3}}'}

TFX knows a whole execution property as a runtime parameter, never a value inside one: the Trainer's `custom_config` is
one JSON string. So the compiled document gives the step one more parameter, and the entrypoint puts its value in place.
The pipeline object, and with it the local runner, stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from trainer.errors import UserError


def apply(parameters: Mapping[str, Any], rules: Sequence[str]) -> dict[str, Any]:
    """Lays parameters over values inside other parameters.

    Args:
      parameters: the step's parameters.
      rules: `name=property.key.key`, or `name=` to drop a parameter that only the document needs.

    Returns:
      The parameters without those named on the left.

    Raises:
      UserError: a rule names a key that is not there.
    """
    result = dict(parameters)
    extra: dict[str, Any] = {}
    for rule in rules:
        name, _, target = rule.partition("=")
        if name in result:
            extra[name] = result.pop(name)
        if target and name in extra:
            _put(result, target, extra[name], rule)
    return result


def _put(parameters: dict[str, Any], target: str, value: Any, rule: str) -> None:
    prop, *keys = target.split(".")
    try:
        document = json.loads(parameters[prop])
        holder = document
        for key in keys[:-1]:
            holder = holder[key]
        if keys[-1] not in holder:
            raise KeyError(keys[-1])
    except (KeyError, IndexError, TypeError, json.JSONDecodeError) as error:
        raise UserError(
            f"cannot lay a run-time parameter over a setting: {rule!r} finds nothing ({error!r})",
            fix="compile the pipeline again with the version of imagemill that is in the image",
        ) from None
    holder[keys[-1]] = value
    parameters[prop] = json.dumps(document, sort_keys=True)
