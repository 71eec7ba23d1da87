"""Many clients at once against a running server."""

from __future__ import annotations

import collections
import dataclasses
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.components.serving.running import Server


@dataclasses.dataclass
class Load:
    """What the clients saw.

    Attributes:
      seconds: latency of every request.
      failures: status and body of whatever was not a 200, or the exception.
      versions: answers by model version.
    """

    seconds: list[float] = dataclasses.field(default_factory=list)
    failures: list[str] = dataclasses.field(default_factory=list)
    versions: collections.Counter[object] = dataclasses.field(default_factory=collections.Counter)


def run_load(
    server: Server,
    images: Sequence[bytes],
    *,
    requests: int,
    clients: int,
    check: Callable[[int, dict[str, Any]], str] = lambda index, answer: "",
) -> Load:
    """Sends raw images over kept-alive connections, as fast as answers come; `check` says what is wrong."""
    load = Load()
    lock = threading.Lock()
    numbers = iter(range(requests))

    def client() -> None:
        connection = server.connect()
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            index = number % len(images)
            started = time.perf_counter()
            try:
                connection.request("POST", "/predict", images[index])
                response = connection.getresponse()
                answer = json.loads(response.read())
                wrong = "" if response.status == 200 else f"{response.status}: {answer}"
                wrong = wrong or check(index, answer)
            except Exception as error:
                wrong, answer = repr(error), {}
            with lock:
                load.seconds.append(time.perf_counter() - started)
                load.versions[answer.get("version")] += not wrong
                if wrong:
                    load.failures.append(wrong)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return load
