"""Follows the version in service of a registry: loads a new one beside the old, warms it up, then swaps.

follower = Follower(source, on_reload=...)
follower.engine                 # always a loaded, warm engine
await follower.follow()         # until cancelled
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable

from components.model_pusher.registry import resolve_version
from components.model_pusher.version import Version
from components.serving.engine import Engine

_LOGGER = logging.getLogger(__name__)


class Follower:
    """The engine in use.

    Args:
      model: a registry, `<root>/<name>`, or a SavedModel (which is never reloaded).
      max_pixels: as for `Engine.load`.
      poll_seconds: how often to look for a new version.
      on_reload: told "ok" or "failed".
    """

    def __init__(
        self,
        model: str,
        *,
        max_pixels: int,
        poll_seconds: float,
        on_reload: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._model = model
        self._max_pixels = max_pixels
        self._poll_seconds = poll_seconds
        self._on_reload = on_reload
        self._refused = 0
        self.engine = Engine.load(model, max_pixels=max_pixels)
        warm_up(self.engine)

    async def follow(self) -> None:
        """Looks for new versions until cancelled; a version that does not load changes nothing."""
        while self.engine.version:
            await asyncio.sleep(self._poll_seconds)
            await asyncio.to_thread(self.check)

    def check(self) -> bool:
        """Looks once; returns whether the engine changed."""
        wanted = 0
        try:
            version = resolve_version(self._model)
            if version is None or version.number in (self.engine.version, self._refused):
                return False
            wanted = version.number
            self.engine = self._load(version)
        except Exception:
            _LOGGER.exception(
                "could not switch to version %d; version %d stays", wanted, self.engine.version
            )
            self._refused = wanted
            self._on_reload("failed")
            return False
        self._refused = 0
        self._on_reload("ok")
        _LOGGER.info("version %d is in use", wanted)
        return True

    def _load(self, version: Version) -> Engine:
        engine = Engine.load_path(version.local_path(), version, max_pixels=self._max_pixels)
        warm_up(engine)
        return engine


def warm_up(engine: Engine) -> None:
    """Answers a grey image, so that the first real request does not pay for the first call."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(buffer, "PNG")
    prepared = engine.prepare(buffer.getvalue())
    engine.predict([prepared])
    engine.predict([prepared, prepared])
