"""What a step was made from, as ML Metadata numbers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def artifact_ids(inputs: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """The id of each input's first artifact, by the input's name, where the metadata store gave one.

    TFX hands a step the artifact of its condition as well, under a name with an underscore: that is no input.
    """
    return {
        key: str(artifacts[0].id)
        for key, artifacts in inputs.items()
        if artifacts and artifacts[0].id and not key.startswith("_")
    }
