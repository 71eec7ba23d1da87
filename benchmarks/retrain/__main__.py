"""Measures a skipped check over 100,000 files, and one that finds a tenth of them new.

    python -m benchmarks.retrain [--files N] [--repeats N]

The tree is made anew in a temporary folder (TMPDIR names another disk), in 100 classes; no image is read by any case.
`os.scandir` with a stat a file is the least that telling a change takes.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import Case, main
from components.image_example_gen.config import IngestConfig
from components.image_example_gen.listing import list_images
from components.model_pusher.registry import Registry
from components.retrain_check.config import RetrainConfig
from components.retrain_check.decision import Decision, decide
from components.retrain_check.gather import Check, Request

CLASSES = 100
WALK = "os.scandir walk"


def make_tree(root: Path, files: int, prefix: str = "") -> None:
    """`files` files of 100 bytes in 100 class folders."""
    for number in range(CLASSES):
        folder = root / f"class-{number:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(files // CLASSES):
            (folder / f"{prefix}{i:06d}.jpg").write_bytes(b"x" * 100)


def walk(root: str, *, stat: bool) -> int:
    """Counts the files, with the size and time of each where `stat`."""
    count, folders = 0, [root]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                count += 1
                if stat:
                    entry.stat()
    return count


def check(request: Request) -> Decision:
    """One whole check: list, compare, decide, write the line."""
    made = Check(request)
    decision = decide(request.policy, made.facts)
    made.write_down(decision)
    return decision


def serve(request: Request, folder: Path) -> None:
    """Puts a model in service that was made from the data as they are."""
    decision = check(request)
    model = folder / "model"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"m")
    lineage = {"data_version": decision.data_version, "run_version": decision.run_version}
    record = {"lineage.json": json.dumps(lineage).encode()}
    Registry(request.registry, request.name).push(str(model), record)


def cases(folder: Path, files: int) -> list[Case]:
    """The walks, the listing, the skipped check and the check with a tenth of new files."""
    root = folder / "photos"
    make_tree(root, files)
    request = Request(
        data_root=str(root),
        registry=str(folder / "registry"),
        name="m",
        run_version="r-c",
        ingest=IngestConfig(),
        policy=RetrainConfig(when="any"),
    )
    serve(request, folder)
    assert not check(request).retrain
    more = folder / "more"
    make_tree(more, files)
    make_tree(more, files // 10, prefix="new-")
    grown = dataclasses.replace(request, data_root=str(more))
    ingest = IngestConfig()
    return [
        Case(WALK, lambda: walk(str(root), stat=False), files),
        Case("os.scandir walk with stat", lambda: walk(str(root), stat=True), files),
        Case("listing", lambda: list_images(str(root), ingest), files),
        Case(
            "listing and fingerprint", lambda: list_images(str(root), ingest).fingerprint(), files
        ),
        Case("check, nothing changed", lambda: check(request), files),
        Case("check, all times changed, a tenth new", lambda: check(grown), files),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--files", type=int, default=100_000)
    known, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as place:
        main(
            "retrain",
            cases(Path(place), known.files),
            baseline=WALK,
            unit="files",
            repeats=5,
            argv=rest,
        )
    sys.exit(0)
