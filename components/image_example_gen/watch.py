"""Says how far an ingest is, by counting what its workers have finished.

with progress_of_blocks(folder, files=50_000, block_size=64):
    ...
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from components.image_example_gen import paths
from trainer.progress import report

_SECONDS = 1.0


@contextlib.contextmanager
def progress_of_blocks(folder: str, files: int, block_size: int) -> Iterator[None]:
    """Reports every second while the block runs; only where looking is cheap, that is, on local folders."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_SECONDS):
            done = min(files, block_size * len(paths.glob(folder, "block-*.index")))
            report("ingest", done=done, total=files, unit="files")

    thread = threading.Thread(target=watch, daemon=True)
    if not paths.is_remote(folder):
        thread.start()
    try:
        yield
    finally:
        stop.set()
        if thread.is_alive():
            thread.join()
    report("ingest", done=files, total=files, unit="files", final=True, note=f"{files:,} files")
