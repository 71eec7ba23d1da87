"""What a killed training resumes from: files that are whole or are not there.

    save("run/checkpoints", step=200, arrays={"first": ...}, facts={"epoch": 4})
    state = load_latest("run/checkpoints")       # None where there is none

A file is written under a temporary name, flushed to the disk and renamed. It starts with the length and the SHA-256 of
what follows, so a torn one (a full disk, a lost node) is detected and the one before it is used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_MAGIC = "imagemill-checkpoint-1"
_PREFIX, _SUFFIX = "step-", ".ckpt"
_KEEP = 2
_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class State:
    """A checkpoint's content.

    Attributes:
      step: finished steps.
      arrays: name to array.
      facts: anything JSON can hold.
    """

    step: int
    arrays: dict[str, NDArray[Any]]
    facts: dict[str, Any]


def save(
    folder: str, *, step: int, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
) -> str:
    """Writes a checkpoint and removes all but the newest two; returns its path."""
    body = io.BytesIO()
    text = np.frombuffer(json.dumps({"step": step, "facts": dict(facts)}).encode(), np.uint8)
    content: dict[str, Any] = {"__facts__": text, **arrays}
    np.savez(body, **content)
    tf.io.gfile.makedirs(folder)
    path = os.path.join(folder, f"{_PREFIX}{step:09d}{_SUFFIX}")
    _write_atomically(path, body.getvalue())
    for old in _paths(folder)[_KEEP:]:
        tf.io.gfile.remove(old)
    return path


def load_latest(folder: str) -> State | None:
    """The newest whole checkpoint, or None; a torn one is reported in the log and passed over."""
    return next(_whole(folder), None)


def _whole(folder: str) -> Iterator[State]:
    for path in _paths(folder):
        try:
            yield _read(path)
        except (ValueError, KeyError, EOFError, OSError) as error:  # noqa: PERF203
            _LOGGER.warning("checkpoint %s is torn (%s): using the one before it", path, error)


def _paths(folder: str) -> list[str]:
    pattern = os.path.join(folder, f"{_PREFIX}*{_SUFFIX}")
    return sorted(tf.io.gfile.glob(pattern), reverse=True)


def _write_atomically(path: str, body: bytes) -> None:
    header = json.dumps({"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()})
    temporary = f"{path}.writing-{os.getpid()}"
    content = f"{_MAGIC} {header}\n".encode() + body
    if "://" in path:
        with tf.io.gfile.GFile(temporary, "wb") as remote:
            remote.write(content)
    else:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    tf.io.gfile.rename(temporary, path, overwrite=True)


def _read(path: str) -> State:
    with tf.io.gfile.GFile(path, "rb") as file:
        head, _, body = file.read().partition(b"\n")
    magic, _, header = head.decode(errors="replace").partition(" ")
    if magic != _MAGIC:
        raise ValueError(f"it starts with {magic[:30]!r}, expected {_MAGIC!r}")
    expected = json.loads(header)
    found = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    if found != expected:
        raise ValueError(f"expected {expected}, got {found}")
    with np.load(io.BytesIO(body)) as content:
        arrays = {name: content[name] for name in content.files}
    facts = json.loads(arrays.pop("__facts__").tobytes())
    return State(facts["step"], arrays, facts["facts"])
