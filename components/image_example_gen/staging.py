"""The folder that the two passes of an ingest share: lists of work, prepared records, shard plans.

    with staging_folder(output_uri) as folder:
        write_lines(join(folder, "block-00000.todo"), files)

It lies under the output, where every worker of a cluster can reach it, and is removed whatever happens. A killed run
cannot remove it: the next run of the same node finds it beside its own output and removes what that run has left.
"""

from __future__ import annotations

import contextlib
import json
import os
import posixpath
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from components.image_example_gen import paths

PREFIX = ".staging-"
_OWNER = "owner.json"
_FOREIGN_SECONDS = 48 * 3600


@contextlib.contextmanager
def staging_folder(output: str) -> Iterator[str]:
    """A fresh folder under `output`, gone when the block ends."""
    folder = paths.join(output, f"{PREFIX}{uuid.uuid4().hex[:12]}")
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "started": time.time()}
    write_json(paths.join(folder, _OWNER), owner)
    try:
        yield folder
    finally:
        paths.delete_tree(folder)


def sweep(output: str) -> list[str]:
    """Removes the outputs of runs that were killed: those beside `output` (and itself) that still hold a staging
    folder.

    A run on this machine is dead when its process is; one elsewhere when it began two days ago.

    Returns:
      The folders removed.
    """
    beside = posixpath.dirname(output.rstrip("/"))
    removed = []
    for owner_file in paths.glob(beside, f"*/{PREFIX}*/{_OWNER}"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            if _is_dead(read_json(owner_file)):
                leftover = posixpath.dirname(posixpath.dirname(owner_file))
                paths.delete_tree(leftover)
                removed.append(leftover)
    return removed


def write_json(path: str, value: Any) -> None:
    """Writes a value whole."""
    paths.write_whole(path, json.dumps(value).encode(), durable=False)


def read_json(path: str) -> Any:
    """Reads what `write_json` wrote."""
    return json.loads(paths.read_bytes(path))


def write_lines(path: str, values: Sequence[Any]) -> None:
    """Writes values as JSON lines, whole."""
    lines = b"".join(json.dumps(value).encode() + b"\n" for value in values)
    paths.write_whole(path, lines, durable=False)


def read_lines(path: str) -> Iterator[Any]:
    """Reads what `write_lines` wrote."""
    for line in paths.read_bytes(path).splitlines():
        yield json.loads(line)


def _is_dead(owner: dict[str, Any]) -> bool:
    if owner["host"] != socket.gethostname():
        return bool(time.time() - owner["started"] > _FOREIGN_SECONDS)
    if owner["pid"] == os.getpid():
        return False
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
