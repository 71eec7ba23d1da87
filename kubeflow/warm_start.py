"""Tells the trainer on a cluster which version is in service: who compiles the document cannot know it.

    with_version_in_service({"custom_config": '{"registry": "/mnt/registry", ...}'}, "custom_config.in_service")

The local runner looks at the registry before it makes the pipeline (`pipeline.in_service`). A document is compiled once
and runs for months, so there the entrypoint looks, when the step starts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components.model_pusher.registry import Registry
from kubeflow import lay_over
from pipeline.config import Config

NODE = "trainer"
PLACE = "custom_config.in_service"


def arguments(config: Config, node_id: str) -> list[str]:
    """The step's further arguments."""
    return ["--in_service", PLACE] if node_id == NODE and config.train.warm_start else []


def with_version_in_service(parameters: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Puts the number of the version in service, "" where there is none, at `place`.

    Args:
      parameters: the step's; the JSON property that `place` starts with holds `registry` and `name`.
      place: `property.key`, or "" to change nothing.
    """
    if not place:
        return dict(parameters)
    settings = json.loads(parameters[place.partition(".")[0]])
    version = Registry(settings["registry"], settings["name"]).in_service()
    number = "" if version is None else str(version.number)
    return lay_over.apply({**parameters, "in_service": number}, [f"in_service={place}"])
