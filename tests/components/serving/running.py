"""A real server in a process of its own, and ways to talk to it."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[3]


class Server:
    """A running server.

    Attributes:
      url: where it listens.
      process: it.
    """

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=120)

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and parsed JSON (or text) of one request on a connection of its own."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            data = response.read()
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return response.status, json.loads(data) if is_json else data.decode()

    def predict(self, *images: bytes, name: str = "colours") -> tuple[int, Any]:
        rows = [{"b64": base64.b64encode(image).decode()} for image in images]
        body = json.dumps({"instances": rows}).encode()
        return self.request("POST", f"/v1/models/{name}:predict", body)


@contextlib.contextmanager
def running_server(model: str, **config: float) -> Iterator[Server]:
    """Starts a server; on leaving it must end with code 0 within a minute of SIGTERM."""
    command = [sys.executable, "-m", "components.serving.server", model]
    process = subprocess.Popen(
        [*command, "--config", json.dumps(config)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if not os.environ.get("SERVER_LOG") else None,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http"), process.communicate()[1]
        yield Server(url, process)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    finally:
        process.kill()
        process.communicate()  # it closes the pipes as well
