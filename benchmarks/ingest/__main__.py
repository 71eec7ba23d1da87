"""Images a second of the ingest beside a plain Pillow loop (the limit) and Keras's directory dataset.

    python -m benchmarks.ingest --repeats 3

One table for each size of photo: as a camera takes them, as they are shared, and thumbnails. Set SIZES in the
environment for others (`600:300` is 300 photos of 600 pixels on the shorter side; side 0 leaves photos as they are) and
PHOTOS for a folder of real photos to start from. Every case is a process that stays, so its imports are not measured.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.harness import RESULTS, ROOT, Case, main
from benchmarks.ingest.photos import make_photos

SIZES = os.environ.get("SIZES", "2400:120,1200:300,600:800,150:4000")
SOURCE = os.environ.get("PHOTOS")
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


class Standing:
    """A process that runs a case once for every call.

    Attributes:
      cpu_seconds: CPU time of each run, with the decoder processes that it started.
    """

    def __init__(self, *arguments: str) -> None:
        self._argv = [sys.executable, "-m", "benchmarks.ingest.once", *arguments, "--stay"]
        self._process: subprocess.Popen[str] | None = None
        self.cpu_seconds: list[float] = []

    def __call__(self) -> None:
        """Runs once; the first call also starts the process, so it belongs to the warm-up."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._argv,
                cwd=ROOT,
                env=ENVIRONMENT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        while not (answer := self._process.stdout.readline()).strip().replace(".", "", 1).isdigit():
            if not answer:
                raise SystemExit(f"{self._argv} ended with exit code {self._process.wait()}")
        self.cpu_seconds.append(float(answer))

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.communicate()


def benchmark(side: int, count: int) -> None:
    """Measures all cases on photos of one size."""
    kind = "real" if SOURCE else "noise"
    folder = ROOT / "build" / "benchmarks" / f"photos-{count}-{side}-{kind}"
    photos = make_photos(folder, count=count, side=side, source=Path(SOURCE) if SOURCE else None)
    cases = {
        "plain Pillow loop": Standing("plain", str(photos)),
        "ingest, 1 worker": Standing("ingest", str(photos), "--workers=1"),
        "ingest, 2 workers": Standing("ingest", str(photos), "--workers=2"),
        "image_dataset_from_directory": Standing("keras", str(photos)),
    }
    print(f"\n{count} photos ({kind}), shorter side {side or 'as it is'}")
    main(
        "ingest",
        [Case(name, run, count) for name, run in cases.items()],
        baseline="plain Pillow loop",
        unit="images",
        repeats=3,
        argv=[*sys.argv[1:], "--json", str(RESULTS / f"ingest-{side}-{kind}.json")],
    )
    for name, case in cases.items():
        spent = statistics.median(case.cpu_seconds[1:] or case.cpu_seconds)
        print(f"{name}: {spent / count * 1000:.2f} ms of CPU an image")
        case.close()


if __name__ == "__main__":
    for size in SIZES.split(","):
        benchmark(*map(int, size.split(":")))
