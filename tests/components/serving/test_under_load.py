"""A version switch under load, a shutdown under load, and a thousand hostile files."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from components.model_pusher.registry import Registry
from tests.components.serving.load import run_load
from tests.components.serving.running import running_server
from tests.components.tiny_model import COLOURS, colour_image, encode, export_model
from tests.shared import shared_path

REQUESTS = int(os.environ.get("IMAGEMILL_LOAD_REQUESTS", "2000"))
IMAGES = [encode(colour_image(name, 7), "JPEG") for name in COLOURS]


def wrong_class(index: int, answer: dict) -> str:
    """Version 1 names the colour, version 2 the next one: no answer may mix the two."""
    shift = answer["version"] - 1
    expected = COLOURS[(index + shift) % 3]
    return "" if answer["class"] == expected else f"version {answer['version']}: {answer['class']}"


@pytest.fixture
def registry(tmp_path):
    registry = Registry(str(tmp_path / "registry"), "colours")
    registry.push(export_model(tmp_path / "one"), {})
    return registry


@pytest.mark.e2e
def test_no_request_fails_while_the_version_changes_back_and_forth(registry, tmp_path):
    turned = {name: COLOURS[(i + 1) % 3] for i, name in enumerate(COLOURS)}
    second = export_model(tmp_path / "two", answers=turned)
    with running_server(registry.path, poll_seconds=0.1) as server:
        done = threading.Event()

        def switch() -> None:
            time.sleep(0.5)
            registry.push(second, {})
            while not done.wait(3):
                registry.promote(1 if registry.in_service().number == 2 else 2)

        switcher = threading.Thread(target=switch)
        switcher.start()
        load = run_load(server, IMAGES, requests=REQUESTS, clients=8, check=wrong_class)
        while len(load.versions) < 2:
            more = run_load(server, IMAGES, requests=200, clients=8, check=wrong_class)
            load.failures += more.failures
            load.versions += more.versions
        done.set()
        switcher.join()
    assert load.failures == []
    assert set(load.versions) == {1, 2}


@pytest.mark.e2e
def test_requests_under_way_are_answered_before_it_ends(registry):
    with running_server(registry.path) as server:
        answers = []
        large = encode(colour_image("red", 1, size=(1500, 1500)), "JPEG")

        def ask() -> None:
            answers.append(server.predict(*[large] * 8)[0])

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        # The request for the metrics is itself one in progress.
        while "imagemill_requests_in_progress 5.0" not in server.request("GET", "/metrics")[1]:
            assert not answers, "the requests are too small to be caught under way"
        server.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join()
    assert answers == [200] * 4


@pytest.mark.e2e
def test_a_version_that_does_not_load_changes_nothing(registry, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "saved_model.pb").write_bytes(b"rot")
    with running_server(registry.path, poll_seconds=0.1) as server:
        registry.push(str(broken), {})
        deadline = time.monotonic() + 60
        while 'outcome="failed"} 1.0' not in server.request("GET", "/metrics")[1]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert server.request("GET", "/readyz")[1]["version"] == 1
        assert server.request("POST", "/predict", IMAGES[0])[0] == 200


@pytest.mark.e2e
def test_every_hostile_file_gets_an_answer_or_a_4xx_with_a_reason(registry):
    corpus = sorted(path for path in shared_path("corpus").rglob("*") if path.is_file())
    assert len(corpus) >= 500
    statuses = {}
    with running_server(registry.path) as server:
        connection = server.connect()
        for path in corpus:
            connection.request("POST", "/predict", path.read_bytes())
            response = connection.getresponse()
            body = response.read()
            statuses.setdefault(response.status, []).append(path.name)
            assert response.status == 200 or (
                400 <= response.status < 500 and b'"error"' in body
            ), (
                path,
                response.status,
                body,
            )
            if response.headers.get("connection") == "close":
                connection.close()
        connection.close()
        assert server.request("POST", "/predict", IMAGES[0])[0] == 200
    assert len(statuses[200]) > 100
    assert len(statuses[422]) > 100
