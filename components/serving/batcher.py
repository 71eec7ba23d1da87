"""Turns requests that arrive at once into batches for the model, without making a lone request wait.

    batcher = Batcher(max_batch=32, max_waiting=256)
    probabilities = await batcher.score(engine, prepared_bytes)

There is no timer: while the model works on one batch, the next one gathers. Each image is scored by the engine that
it was prepared for, so an answer never mixes two versions.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from components.serving.engine import Engine, Probabilities


class OverloadedError(Exception):
    """More images are waiting than the limit allows."""


@dataclasses.dataclass(frozen=True)
class _Waiting:
    engine: Engine
    prepared: bytes
    answer: asyncio.Future[Probabilities]


class Batcher:
    """One queue before one model thread.

    Args:
      max_batch: images per call of the model.
      max_waiting: images that may wait; beyond that `score` raises `OverloadedError` at once.
      on_batch: told the size of every batch.
    """

    def __init__(
        self, max_batch: int, max_waiting: int, on_batch: Callable[[int], None] = lambda _: None
    ) -> None:
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._on_batch = on_batch
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._task: asyncio.Task[None] | None = None

    @property
    def depth(self) -> int:
        """Images that wait now."""
        return len(self._waiting)

    def start(self) -> None:
        """Starts working; needs a running event loop."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Answers everything that waits, then stops."""
        while self._waiting:
            await asyncio.sleep(0.01)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._thread.shutdown()

    async def score(self, engine: Engine, prepared: bytes) -> Probabilities:
        """Probabilities, float32 [C], of one prepared image. Raises: OverloadedError."""
        if len(self._waiting) >= self._max_waiting:
            raise OverloadedError
        item = _Waiting(engine, prepared, asyncio.get_running_loop().create_future())
        self._waiting.append(item)
        self._arrived.set()
        return await item.answer

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            batch = self._take()
            if not batch:
                self._arrived.clear()
                continue
            self._on_batch(len(batch))
            images = [item.prepared for item in batch]
            engine = batch[0].engine
            scores = await loop.run_in_executor(self._thread, engine.predict_each, images)
            for item, score in zip(batch, scores, strict=True):
                _deliver(item.answer, score)

    def _take(self) -> list[_Waiting]:
        """The longest run of waiting images of one engine, up to a batch; those nobody waits for are dropped."""
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._max_batch:
            if batch and self._waiting[0].engine is not batch[0].engine:
                break
            item = self._waiting.popleft()
            if not item.answer.done():
                batch.append(item)
        return batch


def _deliver(answer: asyncio.Future[Probabilities], score: Probabilities | Exception) -> None:
    if answer.done():  # nobody waits for it any more
        return
    if isinstance(score, Exception):
        answer.set_exception(score)
    else:
        answer.set_result(score)
