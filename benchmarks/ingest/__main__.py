"""Images a second of the ingest beside a plain Pillow loop (the limit) and Keras's directory dataset.

    python -m benchmarks.ingest --repeats 3

Set PHOTOS (a folder of real photos to start from), COUNT and SIDE (shorter side in pixels; 0 for the photos as they
are) in the environment for other data. Every case is a process of its own, its imports included: subtract what
`--help` of the case takes, or raise COUNT, to see the rate alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.harness import ROOT, Case, command, main
from benchmarks.ingest.photos import make_photos

COUNT = int(os.environ.get("COUNT", "2000"))
SIDE = int(os.environ.get("SIDE", "600"))
SOURCE = os.environ.get("PHOTOS")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}


def _case(name: str, photos: Path, *arguments: str) -> Case:
    what, *rest = arguments
    argv = [sys.executable, "-m", "benchmarks.ingest.once", what, str(photos), *rest]
    return Case(name, command(argv, env=ONE_THREAD), COUNT)


if __name__ == "__main__":
    folder = (
        ROOT / "build" / "benchmarks" / f"photos-{COUNT}-{SIDE}-{'real' if SOURCE else 'noise'}"
    )
    photos = make_photos(folder, count=COUNT, side=SIDE, source=Path(SOURCE) if SOURCE else None)
    main(
        "ingest",
        [
            _case("plain Pillow loop", photos, "plain"),
            _case("ingest, 1 worker", photos, "ingest", "--workers=1"),
            _case("ingest, 2 workers", photos, "ingest", "--workers=2"),
            _case("image_dataset_from_directory", photos, "keras"),
        ],
        baseline="plain Pillow loop",
        unit="images",
    )
