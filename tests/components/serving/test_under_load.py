"""A version switch under load, a shutdown under load, and a thousand hostile files."""

from __future__ import annotations

import io
import os
import signal
import struct
import threading
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

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


def scan_bomb(side: int = 4000, scans: int = 3000) -> bytes:
    """A progressive JPEG of 160 KB whose last scan comes again and again: half a minute in a decoder."""
    buffer = io.BytesIO()
    Image.new("L", (side, side), 100).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * scans + b"\xff\xd9"


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    encoded = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), *chunks, (b"IEND", b""))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(encoded)


def crafted() -> dict[str, tuple[bytes, str]]:
    """Files made to hang a decoder or fill its memory, with the reason that each must get."""
    huge_chunk = bytearray(png(4, 4))
    huge_chunk[33:37] = b"\x7f\xff\xff\xff"
    zeros = zlib.compress(bytes(100_000_000), 9)
    return {
        "a PNG of 57 bytes with a chunk of 2 GiB": (bytes(huge_chunk), "corrupt|truncated"),
        "10,000 megapixels by the header": (png(100_000, 100_000), "too_many_pixels"),
        "100 MB of text in a comment": (png(4, 4, (b"zTXt", b"k\0\0" + zeros)), "corrupt"),
        "pixels that never come": (png(7000, 7000, (b"IDAT", zeros[:100])), "corrupt|truncated"),
        "a thousand scans": (scan_bomb(), "time_limit"),
    }


def peak_mb(pid: int) -> float:
    """Most memory that a process and its children have held, in MB; each one's peak, added up."""
    status = Path(f"/proc/{pid}/status").read_text()
    [mine] = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
    children = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return mine / 1024 + sum(peak_mb(int(child)) for of_task in children for child in of_task)


@pytest.mark.e2e
def test_every_hostile_file_gets_an_answer_or_a_4xx_with_a_reason(registry):
    corpus = sorted(path for path in shared_path("corpus").rglob("*") if path.is_file())
    assert len(corpus) >= 500
    statuses: dict[int, list[str]] = {}
    seconds: dict[str, float] = {}
    with running_server(registry.path, decode_seconds=2) as server:
        connection = server.connect()

        def ask(name: str, data: bytes) -> tuple[int, bytes]:
            started = time.monotonic()
            connection.request("POST", "/predict", data)
            response = connection.getresponse()
            status, body = response.status, response.read()
            seconds[name] = time.monotonic() - started
            statuses.setdefault(status, []).append(name)
            assert status == 200 or (400 <= status < 500 and b'"error"' in body), (name, body)
            if response.headers.get("connection") == "close":
                connection.close()
            return status, body

        before = peak_mb(server.process.pid)
        for path in corpus:
            ask(path.name, path.read_bytes())
        grown = peak_mb(server.process.pid) - before
        worst = max(seconds, key=seconds.__getitem__)
        assert seconds[worst] < 5
        assert grown < 200
        for name, (data, reason) in crafted().items():
            status, body = ask(name, data)
            assert status in (413, 422), name
            assert any(part in body.decode() for part in reason.split("|")), (name, body)
            assert peak_mb(server.process.pid) - before < 700, name
        connection.close()
        assert server.request("POST", "/predict", IMAGES[0])[0] == 200
    assert len(statuses[200]) > 100
    assert len(statuses[422]) > 100
