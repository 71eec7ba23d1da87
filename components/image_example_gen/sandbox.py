"""Runs the decoder in a process of its own, where a hang, a memory bomb or a crash costs one file and no more.

    with Sandbox(config) as sandbox:
        for result in sandbox.run((head, data) for ...):
            result.head, result.record      # or result.reason, result.detail

Why a process: a decoder in C cannot be interrupted from Python, Pillow holds whole images that no Python limit sees,
and a broken codec can take the interpreter with it. The process stays for thousands of files, so its start (0.2 s)
does not matter, and a Beam worker that is a thread gets a core of its own for decoding.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.worker import WALL_FACTOR, read_message, write_message

_MODULE = "components.image_example_gen.worker"
_IN_FLIGHT = 2
# What an unprivileged process may ask for on Linux: a photo passes in one go. Elsewhere it is ignored.
_PIPE_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one file.

    Attributes:
      head: `sha256`, `phash`, `thumbnail` where it went well.
      record: a framed tf.Example, or b"".
      reason: "" or why there is no record.
      detail: what exactly happened.
    """

    head: Mapping[str, Any]
    record: bytes
    reason: str = ""
    detail: str = ""


class Sandbox:
    """A decoder process, started when first needed and again after a file has killed it."""

    def __init__(self, config: IngestConfig) -> None:
        self._seconds = config.decode_seconds
        self._settings: dict[str, Any] = {
            "stored_size": config.resolved_stored_size,
            "jpeg_quality": config.jpeg_quality,
            "max_pixels": config.max_pixels,
            "background": config.background,
            "seconds": config.decode_seconds,
            "memory_mb": config.decode_memory_mb,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, requests: Iterable[tuple[Mapping[str, Any], bytes]]) -> Iterator[Result]:
        """Yields one result per request, in order; two requests are under way at a time.

        Args:
          requests: head (see `worker.make_example`; {} asks for the stored image alone) and content of each file.
        """
        pending: deque[tuple[Mapping[str, Any], bytes]] = deque()
        for request in requests:
            pending.append(request)
            self._send(request)
            if len(pending) >= _IN_FLIGHT:
                yield self._next(pending)
        while pending:
            yield self._next(pending)

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    def _next(self, pending: deque[tuple[Mapping[str, Any], bytes]]) -> Result:
        """The oldest request's result. Where the process died of it, the younger ones are sent again."""
        assert self._process is not None
        assert self._process.stdout is not None
        message = read_message(self._process.stdout)
        pending.popleft()
        if message is None:
            result = self._autopsy()
            for request in pending:
                self._send(request)
            return result
        head, record = message
        if "reason" in head:
            return Result({}, b"", head["reason"], head["detail"])
        return Result(head, record)

    def _send(self, request: tuple[Mapping[str, Any], bytes]) -> None:
        process = self._process or self._start()
        assert process.stdin is not None
        # A broken pipe means that the process died of an earlier request: `_next` finds that out
        # and sends this one again.
        with contextlib.suppress(BrokenPipeError):
            write_message(process.stdin, *request)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            pipesize=_PIPE_BYTES,
        )
        self._send((self._settings, b""))
        return self._process

    def _autopsy(self) -> Result:
        code = self._reap()
        limit = self._seconds
        if code == -signal.SIGPROF:
            return Result({}, b"", "time_limit", f"needed more than {limit:g} s of CPU time")
        if code == -signal.SIGALRM:
            return Result({}, b"", "time_limit", f"needed more than {limit * WALL_FACTOR:g} s")
        died = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Result({}, b"", "decoder_crashed", f"the decoder's process ended with {died}")

    def _reap(self) -> int:
        assert self._process is not None
        process, self._process = self._process, None
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        return process.wait()
