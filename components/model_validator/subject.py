"""A server in a fresh process, as production would start it.

with serve(model_dir, start_seconds=300, request_seconds=60) as subject:
    subject.post("/predict", photo_bytes)
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_MODULE = "components.serving.server"
_KEPT_LINES = 5


class StartError(Exception):
    """The server did not come up; the message holds the end of what it said."""


class Subject:
    """The running server.

    Attributes:
      name: the model's name, as it says itself.
      start_seconds: time from its start to its first answer.
    """

    def __init__(self, url: str, process_id: int, timeout: float) -> None:
        self._address = urlsplit(url).netloc
        self._process_id = process_id
        self._timeout = timeout
        self.name = ""
        self.start_seconds = 0.0

    def get(self, path: str) -> tuple[int, Any]:
        """Status and parsed JSON."""
        return self._request("GET", path, None)

    def post(self, path: str, body: bytes) -> tuple[int, Any]:
        """Status and parsed JSON."""
        return self._request("POST", path, body)

    def memory_mb(self) -> float:
        """Peak resident memory in MiB; 0 where the system does not tell."""
        status = Path(f"/proc/{self._process_id}/status")
        with contextlib.suppress(OSError):
            for line in status.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
        return 0.0

    def _request(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self._address, timeout=self._timeout)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, json.loads(response.read())


@contextlib.contextmanager
def serve(model: str, *, start_seconds: float, request_seconds: float) -> Iterator[Subject]:
    """Starts a server on a free port, waits until it is ready, and ends it on leaving.

    Raises: StartError where it ends or is not ready in time.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, model],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_path())},
        )
        try:
            url = _first_line(process, start_seconds)
            if not url:
                raise StartError(_why(process, log, start_seconds))
            subject = Subject(url, process.pid, request_seconds)
            subject.name = _wait_until_ready(subject, started + start_seconds)
            subject.start_seconds = time.monotonic() - started
            yield subject
        finally:
            _end(process)


def _first_line(process: subprocess.Popen[str], seconds: float) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(seconds):
            return ""
        line = process.stdout.readline().strip()
    if not line:  # its end: it is about to exit
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
    return line


def _wait_until_ready(subject: Subject, deadline: float) -> str:
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            status, facts = subject.get("/readyz")
            if status == 200:
                return str(facts["model"])
        time.sleep(0.1)
    raise StartError("the server listens, but does not become ready")


def _why(process: subprocess.Popen[str], log: Any, seconds: float) -> str:
    if process.poll() is None:
        return f"the server was not up within {seconds:g} s"
    log.seek(0)
    said = [line.strip() for line in log.read().splitlines() if line.strip()]
    return f"the server ended with {process.returncode}: {' | '.join(said[-_KEPT_LINES:])}"


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _import_path() -> list[str]:
    return [entry or str(Path.cwd()) for entry in sys.path]
