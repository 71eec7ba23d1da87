"""From image bytes to answers, as the HTTP routes need it: decoding in processes, scoring in batches.

service = Service(follower, config, metrics)
answers = await service.answer([photo_bytes])
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator, Sequence

import numpy as np

from components.image_example_gen.decoder import DecodeError
from components.serving.batcher import Batcher, OverloadedError
from components.serving.config import ServeConfig
from components.serving.decoders import Decoders
from components.serving.engine import Engine, Probabilities, UnreadableError
from components.serving.metrics import ServeMetrics
from components.serving.reload import Follower
from components.serving.requests import RequestError, explain_undecodable

_TOO_LARGE = "too_many_pixels"
_MOST_DECODERS = 4


@dataclasses.dataclass(frozen=True)
class Answers:
    """Answers to one request, all by one engine.

    Attributes:
      engine: who answered.
      probabilities: float32 [N, C].
    """

    engine: Engine
    probabilities: Probabilities


class Service:
    """Everything behind the routes."""

    def __init__(self, follower: Follower, config: ServeConfig, metrics: ServeMetrics) -> None:
        self._follower = follower
        self._config = config
        self._metrics = metrics
        self._batcher = Batcher(config.max_batch, config.max_waiting, metrics.batch.observe)
        count = config.decoders or min(os.cpu_count() or 1, _MOST_DECODERS)
        self._decoders = Decoders(count, config.decode_seconds, config.decode_memory_mb)
        self._under_way = 0
        self.ready = False

    @property
    def engine(self) -> Engine:
        """The engine for new requests."""
        return self._follower.engine

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Works inside; answers what is under way on leaving."""
        await self._decoders.warm_up(self.engine.preparation)
        self._batcher.start()
        following = asyncio.create_task(self._follower.follow())
        self.ready = True
        try:
            yield
        finally:
            self.ready = False
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            await self._batcher.stop()
            self._decoders.close()

    def refresh_gauges(self) -> None:
        """Sets the gauges that are read, not counted."""
        self._metrics.waiting.set(self._batcher.depth)
        self._metrics.version.set(self.engine.version)

    async def answer(self, images: Sequence[bytes]) -> Answers:
        """Answers for image files' contents.

        Raises: RequestError, also for overload (503) and for taking too long (504).
        """
        engine = self.engine
        try:
            tasks = self._start(engine, images)
            rows = await asyncio.wait_for(asyncio.gather(*tasks), self._config.timeout_seconds)
        except OverloadedError:
            raise RequestError(503, "too many images are waiting; try again in a second") from None
        except (asyncio.TimeoutError, TimeoutError):
            seconds = self._config.timeout_seconds
            raise RequestError(
                504, f"no answer within {seconds:g} s; send fewer images at once"
            ) from None
        self._metrics.images.labels("answered").inc(len(rows))
        return Answers(engine, np.stack(rows))

    def _start(self, engine: Engine, images: Sequence[bytes]) -> list[asyncio.Task[Probabilities]]:
        if self._under_way + len(images) > self._config.max_waiting:
            raise OverloadedError
        self._under_way += len(images)
        tasks = [
            asyncio.create_task(self._one(engine, data, i, len(images)))
            for i, data in enumerate(images)
        ]
        for task in tasks:
            task.add_done_callback(self._leave)
        return tasks

    def _leave(self, _: asyncio.Task[Probabilities]) -> None:
        self._under_way -= 1

    async def _one(self, engine: Engine, data: bytes, index: int, of: int) -> Probabilities:
        try:
            prepared = await self._decoders.prepare(engine.preparation, data)
        except DecodeError as error:
            self._metrics.images.labels(error.reason).inc()
            which = f"image {index}: " if of > 1 else ""
            status = 413 if error.reason == _TOO_LARGE else 422
            raise RequestError(status, which + explain_undecodable(data, str(error))) from None
        try:
            return await self._batcher.score(engine, prepared)
        except UnreadableError as error:
            self._metrics.images.labels("unreadable").inc()
            raise RequestError(422, f"the model cannot read the image: {error}") from None
