"""What the container hands back to KFP's launcher.

The file must hold no `uri` (a local path there, and nothing would be uploaded), no null (KFP refuses it), and lists or
dicts only as JSON strings (they come back wrapped); plain dicts here, no TFX.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

KEEP_FILE = ".keep"


def output_document(
    names: Mapping[str, str], metadata: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The ExecutorOutput.

    Args:
      names: KFP's name of each output artifact, by output.
      metadata: properties of each output artifact, by output.
    """
    return {
        "artifacts": {
            output: {"artifacts": [_artifact(name, metadata.get(output, {}))]}
            for output, name in names.items()
        }
    }


def _artifact(name: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = {key: _plain(value) for key, value in metadata.items() if value is not None}
    artifact: dict[str, Any] = {"metadata": cleaned}
    if name:
        artifact["name"] = name
    return artifact


def _plain(value: Any) -> str | int | float | bool:
    if isinstance(value, (str, bool, int, float)):
        return value
    return json.dumps(value, sort_keys=True)


def write_output(path: str, document: Mapping[str, Any]) -> None:
    """Writes the file in one go: a killed pod leaves the whole of it or none."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.write_text(json.dumps(document, indent=2, sort_keys=True), encoding="utf-8")
    temporary.replace(target)


def keep_empty_folders(paths: Sequence[str]) -> None:
    """Puts a file into every output folder that is empty: object stores have no folders."""
    for path in paths:
        folder = Path(path)
        if folder.is_dir() and not any(folder.iterdir()):
            (folder / KEEP_FILE).touch()
