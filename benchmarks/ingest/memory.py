"""Peak memory of an ingest and its decoder processes, for small and large inputs.

    python -m benchmarks.ingest.memory 2000 50000

Resident memory of the process and all below it, sampled ten times a second (Linux).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.harness import ROOT
from benchmarks.ingest.photos import make_photos


def peak_mib(argv: list[str]) -> tuple[float, float]:
    """Runs a program; returns its peak resident memory in MiB, children included, and its seconds."""
    began, peak = time.monotonic(), 0
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, sum(_resident(pid) for pid in _family(process.pid)))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{argv} ended with exit code {process.returncode}")
    return peak / 2**20, time.monotonic() - began


def _family(top: int) -> set[int]:
    """A process and all processes below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(text.rpartition(")")[2].split()[1])
    family = {top}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return family


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def main() -> None:
    """Measures each number of files given on the command line."""
    source = os.environ.get("PHOTOS")
    for count in map(int, sys.argv[1:] or ["2000", "50000"]):
        folder = ROOT / "build" / "benchmarks" / f"photos-{count}-0-{'real' if source else 'noise'}"
        photos = make_photos(folder, count=count, side=0, source=Path(source) if source else None)
        argv = [
            sys.executable,
            "-m",
            "benchmarks.ingest.once",
            "ingest",
            str(photos),
            "--workers=2",
        ]
        mib, seconds = peak_mib(argv)
        print(
            f"{count:>7} images: peak {mib:.0f} MiB, {seconds:.1f} s, {count / seconds:.0f} images/s"
        )


if __name__ == "__main__":
    main()
