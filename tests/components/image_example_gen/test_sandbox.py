from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest
from PIL import Image

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.sandbox import Result, Sandbox
from tests.components.image_example_gen.images import encode, picture

HEAD: dict[str, Any] = {"name": "a/1.jpg", "class_name": "a", "label": 0, "columns": {}}
GOOD = encode(picture(1))
LARGE = encode(Image.new("RGB", (9000, 9000)), "PNG", compress_level=1)


def results(sandbox: Sandbox, *files: bytes) -> list[Result]:
    return list(sandbox.run((HEAD, data) for data in files))


def test_results_come_in_order_with_a_reason_for_each_failure() -> None:
    with Sandbox(IngestConfig()) as sandbox:
        found = results(sandbox, GOOD, b"", GOOD, b"nonsense", encode(picture(2)))
    assert [result.reason for result in found] == ["", "empty_file", "", "not_an_image", ""]
    assert found[0] == found[2]
    assert found[0].record != found[4].record
    assert set(found[0].head) == {"sha256", "phash", "thumbnail"}


def test_a_file_that_takes_too_long_is_given_up_and_the_next_ones_are_done() -> None:
    with Sandbox(IngestConfig(decode_seconds=0.1)) as sandbox:
        began = time.monotonic()
        found = results(sandbox, GOOD, LARGE, GOOD, LARGE, GOOD)
        assert [result.reason for result in found] == ["", "time_limit", "", "time_limit", ""]
        assert time.monotonic() - began < 60
    assert "0.1 s" in found[1].detail


def test_a_file_that_needs_too_much_memory_is_given_up() -> None:
    with Sandbox(IngestConfig(decode_memory_mb=160)) as sandbox:
        found = results(sandbox, GOOD, LARGE, GOOD)
    assert [result.reason for result in found] == ["", "memory_limit", ""]


def test_a_crash_of_the_decoder_costs_one_file() -> None:
    with Sandbox(IngestConfig()) as sandbox:
        assert results(sandbox, GOOD)[0].reason == ""
        process = sandbox._process
        assert process is not None

        def files() -> Any:
            os.kill(process.pid, signal.SIGSEGV)
            process.wait()
            yield HEAD, GOOD
            yield HEAD, GOOD

        assert [result.reason for result in sandbox.run(files())] == ["decoder_crashed", ""]


def test_the_process_ends_with_the_sandbox() -> None:
    with Sandbox(IngestConfig()) as sandbox:
        results(sandbox, GOOD)
        process = sandbox._process
        assert process is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
