"""The page at `/` in a real browser."""

from __future__ import annotations

import pytest

from tests.components.serving.browser import headless_browser
from tests.components.serving.running import running_server
from tests.components.tiny_model import COLOURS, colour_image, encode, export_model

ROWS = """return [...document.querySelectorAll("#answers:not([hidden]) tr")].map((row) =>
  [row.cells[0].textContent, row.cells[2].textContent])"""
ERROR = 'return document.querySelector("#error:not([hidden])")?.textContent'
DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
"""


@pytest.mark.e2e
def test_a_chosen_and_a_dropped_image_get_answers_and_a_broken_one_a_reason(tmp_path):
    import base64

    model = export_model(tmp_path / "model")
    (tmp_path / "red.jpg").write_bytes(encode(colour_image("red", 1), "JPEG"))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with running_server(model) as server, headless_browser() as browser:
        browser.open(server.url)
        browser.choose_file("#file", str(tmp_path / "red.jpg"))
        rows = browser.wait_for(f"const rows = (() => {{ {ROWS} }})(); return rows.length && rows")
        assert rows[0][0] == "red"
        assert sorted(row[0] for row in rows) == list(COLOURS)
        assert float(rows[0][1].removesuffix(" %")) > 90
        browser.wait_for('return document.getElementById("facts").textContent.endsWith(" ms")')
        assert browser.run('return document.getElementById("model").textContent') == "colours"
        assert browser.run('return document.getElementById("preview").naturalWidth') > 0

        browser.run(DROP, base64.b64encode(encode(colour_image("blue", 2))).decode())
        browser.wait_for(f'const rows = (() => {{ {ROWS} }})(); return rows[0]?.[0] === "blue"')

        browser.choose_file("#file", str(tmp_path / "broken.jpg"))
        assert "not_an_image" in browser.wait_for(ERROR)
        assert browser.run(ROWS) == []
        complaints = [
            line for line in browser.console() if "422" not in line and "blob:" not in line
        ]
        assert [line for line in complaints if "favicon" not in line] == []
