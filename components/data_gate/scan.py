"""Looks at every file of a listing the way ingest does, in this process and its decoders, keeping no image.

    table, letters = scan(listing, config, workers=2)

One thread per core feeds one sandboxed decoder each (`components.image_example_gen.sandbox`), so a broken or hostile
file costs a dead letter here as it does in ingest. No Beam, no TensorFlow: it starts at once.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from components.data_gate.image_table import ImageTable
from components.data_gate.wire import read_example, unframe
from components.image_example_gen import paths
from components.image_example_gen.config import IngestConfig
from components.image_example_gen.dead_letter import DeadLetter
from components.image_example_gen.listing import ImageFile, Listing
from components.image_example_gen.measures import NAMES
from components.image_example_gen.sandbox import Result, Sandbox
from trainer.features import STAT_PREFIX
from trainer.progress import report

_BLOCK = 64
_REPORT_SECONDS = 0.25


@dataclasses.dataclass(frozen=True)
class _Row:
    """What is kept of one readable image."""

    sha256: str
    phash: int
    thumbnail: bytes
    measures: tuple[float, ...]


def scan(
    listing: Listing, config: IngestConfig, workers: int = 0
) -> tuple[ImageTable, list[DeadLetter]]:
    """Decodes all files.

    Args:
      listing: which files.
      config: limits of the decoder and size of the stored image, as in ingest.
      workers: threads, each with a decoder process; 0 means one per core.

    Returns:
      One row per readable file, in the order of the listing, and a letter for every other file found.
    """
    progress = _Progress(len(listing.files))
    blocks = [listing.files[at : at + _BLOCK] for at in range(0, len(listing.files), _BLOCK)]
    count = min(workers or os.cpu_count() or 1, max(1, len(blocks)))
    sandboxes = [Sandbox(config) for _ in range(count)]
    local, stop = threading.local(), threading.Event()
    free = iter(sandboxes)

    def take() -> None:
        local.sandbox = next(free)

    def work(block: Sequence[ImageFile]) -> list[_Row | DeadLetter]:
        found = list(_scan_block(block, local.sandbox, config, stop))
        progress.add(len(found))
        return found

    pool = concurrent.futures.ThreadPoolExecutor(count, initializer=take)
    try:
        outcomes = [outcome for found in pool.map(work, blocks) for outcome in found]
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        for sandbox in sandboxes:
            sandbox.close()
    progress.finish()
    letters = [outcome for outcome in outcomes if isinstance(outcome, DeadLetter)]
    return _table(listing.files, outcomes), sorted(
        [*letters, *listing.rejected], key=lambda x: x.path
    )


class _Progress:
    """Counts files from several threads and reports a few times a second."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._last = total, 0, 0.0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            if time.monotonic() - self._last > _REPORT_SECONDS:
                self._last = time.monotonic()
                report("scan", done=self._done, total=self._total, unit="files")

    def finish(self) -> None:
        report("scan", done=self._done, total=self._total, unit="files", final=True)


def _scan_block(
    block: Sequence[ImageFile], sandbox: Sandbox, config: IngestConfig, stop: threading.Event
) -> Iterator[_Row | DeadLetter]:
    contents = [_read(file, config) for file in block]

    def requests() -> Iterator[tuple[dict[str, Any], bytes]]:
        for file, content in zip(block, contents, strict=True):
            if stop.is_set():
                raise concurrent.futures.CancelledError
            if isinstance(content, bytes):
                yield _request(file), content

    results = sandbox.run(requests())
    for file, content in zip(block, contents, strict=True):
        yield _outcome(file, next(results) if isinstance(content, bytes) else content)


def _request(file: ImageFile) -> dict[str, Any]:
    return {"name": file.name, "class_name": file.class_name, "label": 0, "columns": {}}


def _outcome(file: ImageFile, result: Result) -> _Row | DeadLetter:
    if result.reason:
        return DeadLetter(file.name, result.reason, result.detail, file.class_name, file.size)
    found = read_example(unframe(result.record), lambda name: name.startswith(STAT_PREFIX))
    measures = tuple(float(found[STAT_PREFIX + name][0]) for name in NAMES)
    head = result.head
    return _Row(head["sha256"], head["phash"], bytes.fromhex(head["thumbnail"]), measures)


def _read(file: ImageFile, config: IngestConfig) -> bytes | Result:
    limit = int(config.max_file_mb * 2**20)
    if file.size > limit:
        return Result({}, b"", "file_too_large", f"{file.size} bytes, more than {limit}")
    try:
        with paths.open_read(file.path) as stream:
            return stream.read()
    except Exception as error:
        return Result({}, b"", "unreadable", f"{type(error).__name__}: {error}"[:300])


def _table(files: Sequence[ImageFile], outcomes: Sequence[_Row | DeadLetter]) -> ImageTable:
    kept = [(file, row) for file, row in zip(files, outcomes, strict=True) if isinstance(row, _Row)]
    measures = np.array([row.measures for _, row in kept], dtype=np.float64).reshape(-1, len(NAMES))
    return ImageTable(
        paths=[file.name for file, _ in kept],
        class_names=[file.class_name for file, _ in kept],
        splits=[file.split for file, _ in kept],
        sha256=[row.sha256 for _, row in kept],
        phash=np.array([row.phash for _, row in kept], dtype=np.int64),
        thumbnails=[row.thumbnail for _, row in kept],
        stats={name: measures[:, at] for at, name in enumerate(NAMES)},
    )
