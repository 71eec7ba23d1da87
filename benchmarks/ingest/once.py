"""One ingest, or one of the loops it is compared with, in a process of its own.

python -m benchmarks.ingest.once ingest PHOTOS --workers 2
"""

from __future__ import annotations

import argparse
import io
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path


def run_ingest(photos: Path, workers: int) -> None:
    """The whole ingest."""
    import apache_beam as beam

    from components.image_example_gen.config import IngestConfig
    from components.image_example_gen.ingest import Ingest
    from components.image_example_gen.listing import list_images

    mode = "multi_threading" if workers > 1 else "in_memory"
    options = [
        "--runner=FnApiRunner",
        f"--direct_running_mode={mode}",
        f"--direct_num_workers={workers}",
    ]
    config = IngestConfig(stored_size=320)
    listing = list_images(str(photos), config)
    output = Path(tempfile.mkdtemp(prefix="ingest-benchmark-"))
    try:
        work = Ingest(listing, config, listing.fingerprint(), lambda: beam.Pipeline(argv=options))
        work.run(str(output / "examples" / "1"), str(output / "dead"), registry="", name="")
    finally:
        shutil.rmtree(output)


def run_plain(photos: Path) -> None:
    """Reads and decodes the same files with Pillow in one process, and does nothing with the pixels."""
    from PIL import Image

    for path in sorted(photos.rglob("*.jpg")):
        Image.open(io.BytesIO(path.read_bytes())).convert("RGB")


def run_keras(photos: Path) -> None:
    """Goes through the same files with `image_dataset_from_directory`, which decodes and resizes."""
    import keras

    size = (320, 320)
    dataset = keras.utils.image_dataset_from_directory(photos, image_size=size, shuffle=False)
    for _ in dataset:
        pass


def stay(run: Callable[[], None]) -> None:
    """Runs once for every line of the input and answers with the CPU seconds that it took, decoders included.

    So no measurement contains imports, which a pipeline pays once for many steps.
    """
    for _ in sys.stdin:
        began = _cpu_seconds()
        run()
        print(_cpu_seconds() - began, file=sys.__stdout__, flush=True)


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Parses and dispatches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["ingest", "plain", "keras"])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--stay", action="store_true", help="run once for every line of input")
    args = parser.parse_args()
    runs: dict[str, Callable[[], None]] = {
        "ingest": lambda: run_ingest(args.photos, args.workers),
        "plain": lambda: run_plain(args.photos),
        "keras": lambda: run_keras(args.photos),
    }
    if args.stay:
        stay(runs[args.what])
    else:
        runs[args.what]()


if __name__ == "__main__":
    main()
