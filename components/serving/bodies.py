"""Reads requests' bodies, with bounds on each one's size and time and on the memory that all of them hold.

bodies = Bodies(max_bytes=32 * 2**20, max_total=256 * 2**20, seconds=60)
async with bodies.read(request) as body:
    ...
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.requests import Request

from components.serving.requests import RequestError

_PATIENCE = 8


class Bodies:
    """The bodies that are held now.

    Args:
      max_bytes: size of one.
      max_total: size of all together; further ones get 503.
      seconds: time that one may take to arrive.
    """

    def __init__(self, max_bytes: int, max_total: int, seconds: float) -> None:
        self._max_bytes = max_bytes
        self._max_total = max_total
        self._seconds = seconds
        self._held = 0

    @contextlib.asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body, counted as held until the block ends. Raises: RequestError."""
        body = bytearray()
        try:
            try:
                await asyncio.wait_for(self._fill(body, request), self._seconds)
            except (asyncio.TimeoutError, TimeoutError):
                raise RequestError(
                    408, f"the body did not arrive within {self._seconds:g} s"
                ) from None
            yield bytes(body)
        finally:
            self._held -= len(body)

    async def _fill(self, body: bytearray, request: Request) -> None:
        """Appends what arrives. What is too large is read on for a while but not kept.

        Closing at once would reset the connection, and the client would never see the reason.
        """
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > self._max_bytes * _PATIENCE:
                break
            if size > self._max_bytes:
                continue
            if self._held + len(chunk) > self._max_total:
                raise RequestError(503, "too many large requests at once; try again in a second")
            body += chunk
            self._held += len(chunk)
        if size > self._max_bytes:
            raise RequestError(413, f"the body is larger than {self._max_bytes / 2**20:g} MiB")
