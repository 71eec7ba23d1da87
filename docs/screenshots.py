"""Screenshots for the documentation, taken from a real run: its report, the serve page with its model, its terminal.

    script --log-out run.tty -c "imagemill run PHOTOS --output OUTPUT ..."
    python docs/screenshots.py OUTPUT docs/images --terminal run.tty --photo PHOTOS/1.jpg

With `--soften`, photos are blurred: those of a set whose licence does not allow copies.

Chromium is driven through the small client of the browser tests.
"""

from __future__ import annotations

import argparse
import base64
import io
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

_ROOT = Path(__file__).resolve().parents[1]
_COLOURS = 192
_TERMINAL_WIDTH = 100
# What rich's live view sends to go back over the frame before.
_OVERDRAW = re.compile(r"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)*")
_PORT = 8743


class Shot(NamedTuple):
    """A picture of the report: its name, theme, size in pixels, and the element at its top ("" for the page's)."""

    name: str
    theme: str
    width: int
    height: int
    top: str = ""


SHOTS = (
    Shot("report", "light", 1200, 900),
    Shot("report-dark", "dark", 1200, 900),
    Shot("report-phone", "light", 390, 844),
    Shot("report-findings", "light", 1200, 900, "#findings"),
    Shot("report-training", "light", 1200, 1000, "#training"),
    Shot("report-quality", "dark", 1200, 1000, "#quality"),
    Shot("report-mistakes", "light", 1200, 900, "#mistakes"),
    Shot("report-labels", "light", 1200, 700, "#labels"),
)


def shoot_report(
    browser: Any, page: Path, folder: Path, *, soften: bool, only: str
) -> Iterator[Path]:
    """The shots of the report whose names begin so."""
    for shot in (shot for shot in SHOTS if shot.name.startswith(only)):
        _size(browser, shot.width, shot.height)
        browser.open(page.resolve().as_uri())
        browser.run("document.documentElement.dataset.theme = arguments[0]", shot.theme)
        _soften(browser, soften)
        if shot.top:
            script = (
                "document.documentElement.style.scrollBehavior = 'auto';"
                "document.querySelector(arguments[0]).scrollIntoView()"
            )
            browser.run(script, shot.top)
        yield _save(browser, folder / f"{shot.name}.png")


def shoot_serve_page(
    browser: Any, registry: str, photo: Path, folder: Path, *, soften: bool
) -> Path:
    """The page of `imagemill serve`, having answered a photo."""
    command = [sys.executable, "-m", "imagemill", "serve", registry, "--port", str(_PORT)]
    with subprocess.Popen(
        command, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait(f"http://127.0.0.1:{_PORT}/")
            _size(browser, 900, 760)
            browser.open(f"http://127.0.0.1:{_PORT}/")
            browser.choose_file("#file", str(photo.resolve()))
            browser.wait_for("return document.querySelectorAll('#rows tr, tbody tr, li').length")
            time.sleep(1)
            _soften(browser, soften)
            return _save(browser, folder / "serve.png")
        finally:
            server.terminate()


def draw_terminal(typescript: Path, folder: Path) -> Iterator[Path]:
    """The frames of a recorded live view: while it trained, and the end."""
    # As bytes: reading text would take every carriage return for the end of a line.
    text = typescript.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    _, _, text = text.partition("\n")
    text = re.sub(r"\x1b\[\?25[lh]", "", text.partition("\nScript done")[0])
    frames = _OVERDRAW.split(text)
    training = [frame for frame in frames if " epochs" in frame and "loss" in frame]
    yield _svg(
        training[len(training) // 2], "imagemill run: training", folder / "terminal-training.svg"
    )
    yield _svg(frames[-1], "imagemill run: the end", folder / "terminal.svg")


def _svg(frame: str, title: str, path: Path) -> Path:
    from rich.console import Console
    from rich.text import Text

    lines = [line.rstrip() for line in frame.splitlines() if not line.startswith("exit ")]
    console = Console(
        record=True, width=_TERMINAL_WIDTH, file=io.StringIO(), color_system="truecolor"
    )
    console.print(Text.from_ansi("\n".join(lines).strip("\n")), soft_wrap=False)
    svg = console.export_svg(title=title)
    # The font would be fetched from another site; the reader's own will do.
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    path.write_text(svg, encoding="utf-8")
    return path


def _soften(browser: Any, wanted: bool) -> None:
    if wanted:
        script = "document.querySelectorAll('img').forEach(one => one.style.filter = 'blur(4px)')"
        browser.run(script)


def _size(browser: Any, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    _devtools(browser, "Emulation.setDeviceMetricsOverride", metrics)


def _save(browser: Any, path: Path) -> Path:
    """A screenshot with a palette: a third of the bytes, and no difference to see."""
    from PIL import Image

    shot = _devtools(browser, "Page.captureScreenshot", {"format": "png"})
    with Image.open(io.BytesIO(base64.b64decode(shot["data"]))) as image:
        image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


def _devtools(browser: Any, command: str, params: dict[str, Any]) -> Any:
    return browser._command("POST", "/goog/cdp/execute", {"cmd": command, "params": params})


def _wait(url: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not _answers(url):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{url} does not answer")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(url):
            return True
    except urllib.error.URLError:
        return False


def main() -> None:
    """Takes everything that the arguments allow."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", help="The --output folder of a run.")
    parser.add_argument("images", type=Path, help="Where the pictures go.")
    parser.add_argument("--terminal", type=Path, help="What `script` recorded of the run.")
    parser.add_argument("--photo", type=Path, help="A photo to ask the served model about.")
    parser.add_argument("--only", default="report", help="Shots whose names begin so.")
    parser.add_argument("--soften", action="store_true", help="Blur the photos.")
    args = parser.parse_args()
    sys.path.insert(0, str(_ROOT))
    from imagemill.runs import pick, report_page
    from tests.components.serving.browser import headless_browser

    args.images.mkdir(parents=True, exist_ok=True)
    taken = [*draw_terminal(args.terminal, args.images)] if args.terminal else []
    with headless_browser() as browser:
        page = Path(report_page(pick(args.output, "last")))
        taken += shoot_report(browser, page, args.images, soften=args.soften, only=args.only)
        if args.photo:
            registry = str(Path(args.output, "registry").resolve())
            taken.append(
                shoot_serve_page(browser, registry, args.photo, args.images, soften=args.soften)
            )
    for path in taken:
        sys.stdout.write(f"{path} {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
