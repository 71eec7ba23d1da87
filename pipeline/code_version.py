"""A digest of the code that makes a model, so that a step is not reused after its code changed.

TFX's cache knows a step's inputs and settings, not its source (a `run_fn` named by path is just a string to it).
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
from pathlib import Path

import components
import trainer

_PACKAGES = ("tensorflow", "keras", "tfx", "pillow")


@functools.cache
def code_version() -> str:
    """12 hex digits over the sources of `trainer/` and `components/` and the versions of what they use."""
    digest = hashlib.sha256()
    for room in (components, trainer):
        folder = Path(room.__path__[0])
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.relative_to(folder).as_posix().encode())
            digest.update(file.read_bytes())
    for package in _PACKAGES:
        digest.update(f"{package}=={importlib.metadata.version(package)}".encode())
    return digest.hexdigest()[:12]
