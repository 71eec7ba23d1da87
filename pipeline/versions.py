"""What makes a model, as one short digest: the settings that reach it and the code."""

from __future__ import annotations

import hashlib
import json

from pipeline.config import Config

# Where things lie and how fast steps run change no model.
_NOT_PART_OF_A_MODEL = ("output", "registry", "cache", "beam", "metadata", "retrain", "kubeflow")


def run_version(config: Config, code_version: str) -> str:
    """12 hex digits over `config` (without places and runners) and `code_version`."""
    values = config.model_dump(mode="json", exclude=set(_NOT_PART_OF_A_MODEL))
    values["data"].pop("root", None)
    text = json.dumps([values, code_version], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
