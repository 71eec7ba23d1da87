"""Makes folders of photos to ingest: real ones where a folder is named, else soft noise; as many and as large as
asked for.

folder = make_photos(Path("build/photos"), count=2000, side=600, source=Path("../shared/data/scenes"))
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image


def make_photos(folder: Path, *, count: int, side: int, source: Path | None = None) -> Path:
    """Writes `count` JPEGs in two class folders, no two with the same content; kept if they are there already.

    Args:
      folder: where to.
      count: number of files.
      side: shorter side in pixels; 0 leaves real photos as they are.
      source: real photos to start from, at any depth.
    """
    done = folder / f".{count}-{side}"
    if done.exists():
        return folder
    originals = sorted(source.rglob("*.jpg")) if source else []
    for number in range(count):
        data = _photo(number, side, originals)
        path = folder / f"class-{number % 2}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    done.touch()
    return folder


def _photo(number: int, side: int, originals: list[Path]) -> bytes:
    if originals and not side:
        # A comment makes the content another one and leaves the pixels alone.
        data = originals[number % len(originals)].read_bytes()
        return data[:2] + b"\xff\xfe\x00\x06%04d" % (number // len(originals)) + data[2:]
    rng = np.random.default_rng(number)
    if originals:
        image = Image.open(originals[number % len(originals)]).convert("RGB")
    else:
        image = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    scale = (side or 150) / min(image.size)
    size = (round(image.width * scale * 4 / 3), round(image.height * scale))
    grain = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    buffer = io.BytesIO()
    Image.blend(image.resize(size, Image.Resampling.BICUBIC), grain, 0.06).save(
        buffer, "JPEG", quality=90
    )
    return buffer.getvalue()
