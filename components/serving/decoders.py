"""Image preparation in processes of its own: what a hostile file does to a decoder happens to that process alone.

    decoders = Decoders(count=2, seconds=10, memory_mb=1536)
    prepared = await decoders.prepare(engine.preparation, photo_bytes)

A progressive JPEG of a few kilobytes can keep a decoder busy for minutes, and no thread can be stopped. The ingest's
sandbox can, with the same code inside (`decoder.prepare`), so answers do not depend on where an image was prepared.
"""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.decoder import DecodeError
from components.image_example_gen.sandbox import Sandbox
from components.serving.engine import Preparation


@dataclasses.dataclass
class _Worker:
    """A thread's decoder process, started for one way of preparing."""

    preparation: Preparation
    sandbox: Sandbox


class Decoders:
    """A pool of decoder processes, each started when it is first needed and again after a file has killed it.

    Args:
      count: processes.
      seconds: CPU time that one image may take.
      memory_mb: memory that one image may take beyond the process's own, in MiB.
    """

    def __init__(self, count: int, seconds: float, memory_mb: int) -> None:
        self._count = count
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._local = threading.local()
        self._workers: list[_Worker] = []
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="decode")

    async def prepare(self, preparation: Preparation, data: bytes) -> bytes:
        """What the model is sent for an image file's bytes, as `engine.prepare` gives it.

        Raises: DecodeError with the reason why it cannot be used.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._prepare, preparation, data)

    async def warm_up(self, preparation: Preparation) -> None:
        """Starts the processes, so that no request waits for one."""
        starts = (self.prepare(preparation, b"") for _ in range(self._count))
        for outcome in await asyncio.gather(*starts, return_exceptions=True):
            if not isinstance(outcome, DecodeError):  # what no bytes must get
                raise OSError(f"no decoder process could be started: {outcome!r}")

    def close(self) -> None:
        """Waits for what is under way, then ends the processes."""
        self._threads.shutdown()
        for worker in self._workers:
            worker.sandbox.close()

    def _prepare(self, preparation: Preparation, data: bytes) -> bytes:
        [result] = self._sandbox(preparation).run([({}, data)])
        if result.reason:
            raise DecodeError(result.reason, result.detail)
        return result.record

    def _sandbox(self, preparation: Preparation) -> Sandbox:
        """This thread's process; another way of preparing, as a new version may want, needs another one."""
        worker: _Worker | None = getattr(self._local, "worker", None)
        if worker is None:
            worker = self._local.worker = _Worker(preparation, self._start(preparation))
            self._workers.append(worker)
        elif worker.preparation != preparation:
            worker.sandbox.close()
            worker.preparation, worker.sandbox = preparation, self._start(preparation)
        return worker.sandbox

    def _start(self, preparation: Preparation) -> Sandbox:
        config = IngestConfig(
            stored_size=preparation.stored_size,
            jpeg_quality=preparation.jpeg_quality,
            background=preparation.background,
            max_pixels=preparation.max_pixels,
            decode_seconds=self._seconds,
            decode_memory_mb=self._memory_mb,
        )
        return Sandbox(config)
