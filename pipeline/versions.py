"""What makes a model, as two short digests: the settings that reach it, and the code."""

from __future__ import annotations

import hashlib
import json

from pipeline.config import Config

# Where things lie, how fast steps run, when they run, who is told and what people read change no model.
_NOT_PART_OF_A_MODEL = (
    "output",
    "registry",
    "cache",
    "beam",
    "metadata",
    "report",
    "card",
    "retrain",
    "kubeflow",
    "schedule",
    "notify",
)


def run_version(config: Config, code_version: str) -> str:
    """`<config>-<code>`, 12 hex digits each: what `retrain-check` compares, half by half.

    Args:
      config: all settings; places and runners do not count.
      code_version: digest of the code.
    """
    values = config.model_dump(mode="json", exclude=set(_NOT_PART_OF_A_MODEL))
    values["data"].pop("root", None)
    return f"{_digest(json.dumps(values, sort_keys=True))}-{_digest(code_version)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
