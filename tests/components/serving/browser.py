"""A headless Chromium through chromedriver's W3C WebDriver protocol; no client library is needed for so little."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import time

import pytest

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


class Browser:
    """One window."""

    def __init__(self, port: int) -> None:
        self._port = port
        capabilities = {
            "goog:chromeOptions": {"args": _FLAGS},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        body = {"capabilities": {"alwaysMatch": capabilities}}
        self._session = self._call("POST", "/session", body)["sessionId"]

    def open(self, url: str) -> None:
        self._command("POST", "/url", {"url": url})

    def run(self, script: str, *args):
        return self._command("POST", "/execute/sync", {"script": script, "args": list(args)})

    def choose_file(self, selector: str, path: str) -> None:
        found = self._command("POST", "/element", {"using": "css selector", "value": selector})
        self._command("POST", f"/element/{found[_ELEMENT]}/value", {"text": path})

    def wait_for(self, script: str, seconds: float = 30):
        """The first truthy value of a script."""
        deadline = time.monotonic() + seconds
        while not (value := self.run(script)):
            assert time.monotonic() < deadline, f"never true: {script}"
            time.sleep(0.1)
        return value

    def console(self) -> list[str]:
        """What the page logged, such as errors and refused resources."""
        return [entry["message"] for entry in self._command("POST", "/se/log", {"type": "browser"})]

    def close(self) -> None:
        self._command("DELETE", "")

    def _command(self, method: str, path: str, body=None):
        return self._call(method, f"/session/{self._session}{path}", body)

    def _call(self, method: str, path: str, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body) if body is not None else None)
            value = json.loads(connection.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{value['error']}: {value['message']}")
        return value


@contextlib.contextmanager
def headless_browser():
    """Skips the calling test where there is no chromedriver, except in CI."""
    driver = shutil.which("chromedriver")
    if driver is None:
        missing = "chromedriver is missing: install the packages chromium and chromium-driver"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    process = subprocess.Popen(
        [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        line = next(line for line in process.stdout if "started successfully on port" in line)
        browser = Browser(int(line.rsplit(" ", 1)[1].strip().rstrip(".")))
        yield browser
        browser.close()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
