"""Keeps a refused step from being tried again.

KFP's launcher ends with exit code 1 whatever the container's was, so Argo retries a step that refused its input just as
one whose node went away. A step that raised a `UserError` therefore leaves a note in the registry, named after its
task; the retry finds it and says the same at once, without loading TFX.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.model_pusher.storage import storage_for
from trainer.errors import ExitCode, UserError

RETRY_VARIABLE = "KFP_RETRY_INDEX"
FOLDER = ".refused"
# Where older backends let every task of every run write its output: a note named after it would speak for all of them.
_SHARED = "kfp_outputs"


def note_path(parameters: Mapping[str, Any], output_file: str) -> str | None:
    """Where the note of this task lies: the driver gives a task's retries one and the same output folder.

    Returns None for a step that knows no registry, and for a backend that gives all tasks one folder.
    """
    registry, task = parameters.get("registry"), Path(output_file).parent.name
    if not registry or task in ("", _SHARED):
        return None
    return f"{str(registry).rstrip('/')}/{FOLDER}/{task}.json"


def leave(path: str | None, error: UserError) -> None:
    """Writes the note; where it cannot be written, the step is merely tried again."""
    if path is None:
        return
    text = json.dumps({"message": error.message, "fix": error.fix, "code": int(error.code)})
    try:
        storage_for(path).write(path, text.encode())
    except Exception:  # clients of buckets raise what they like, and the refusal is what counts
        return


def raise_again(path: str | None) -> None:
    """Raises what an earlier try of this task raised, if it left a note.

    Raises:
      UserError: the same as before.
    """
    if path is None or os.environ.get(RETRY_VARIABLE, "0") in ("", "0"):
        return
    try:
        note = json.loads(storage_for(path).read(path))
    except Exception:  # a store that does not answer now: the step itself will say so
        return
    raise UserError(note["message"], fix=note["fix"], code=ExitCode(note["code"]))
