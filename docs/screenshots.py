"""Screenshots of a report for the documentation, taken in headless Chromium from a real run.

python docs/screenshots.py demo-output/digits/pipeline/report/report/9/report.html docs/images
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# name: theme, width and height in pixels
SHOTS = {
    "report": ("light", 1200, 900),
    "report-dark": ("dark", 1200, 900),
    "report-phone": ("light", 500, 900),
}


def shoot(page: Path, folder: Path) -> list[Path]:
    """Takes every shot.

    Raises:
      FileNotFoundError: Chromium is not installed.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise FileNotFoundError("chromium is not installed: apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    html, taken = page.read_text(encoding="utf-8"), []
    for name, (theme, width, height) in SHOTS.items():
        with tempfile.TemporaryDirectory() as scratch:
            themed = Path(scratch) / "report.html"
            themed.write_text(html.replace("<html ", f'<html data-theme="{theme}" ', 1), "utf-8")
            target = folder / f"{name}.png"
            flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
            size = [f"--window-size={width},{height}", f"--screenshot={target.resolve()}"]
            command = [chromium, *flags, *size, themed.as_uri()]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
            taken.append(target)
    return taken


if __name__ == "__main__":
    for path in shoot(Path(sys.argv[1]), Path(sys.argv[2])):
        sys.stdout.write(f"{path}\n")
