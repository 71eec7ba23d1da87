"""Measures a skipped check over 100,000 files, a whole skipped run, and a check that finds a tenth of them new.

    python -m benchmarks.retrain [--files N] [--repeats N]

The tree is made anew in a temporary folder (TMPDIR names another disk), in 100 classes; no image is read by any case.
`os.scandir` with a stat a file is the least that telling a change takes. The whole run is the command that a timer
starts at night, in a process of its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import ROOT, Case, main
from components.image_example_gen.listing import list_images
from components.model_pusher.registry import Registry
from components.retrain_check.decision import Decision, decide
from components.retrain_check.gather import Check, Request
from pipeline.code_version import code_version
from pipeline.config import load_config
from pipeline.versions import run_version

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


def run(file: Path) -> None:
    """The whole command, which must skip."""
    command = [sys.executable, "-m", "imagemill", "run", "--config", str(file), "--scheduled"]
    done = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, check=True)
    assert not json.loads(done.stdout)["decision"]["retrain"]


def cases(folder: Path, files: int) -> list[Case]:
    """The walks, the listing, the skipped check and the check with a tenth of new files."""
    root = folder / "photos"
    make_tree(root, files)
    file = folder / "m.yaml"
    file.write_text(
        f"name: m\noutput: {folder}/out\ndata: {{root: {root}}}\nretrain: {{when: any, of: [new_data, drift]}}\n"
    )
    config = load_config(file)
    request = Request(
        data_root=config.data.root,
        registry=config.registry_root,
        name="m",
        run_version=run_version(config, code_version()),
        ingest=config.ingest,
        policy=config.retrain,
    )
    serve(request, folder)
    assert not check(request).retrain
    more = folder / "more"
    make_tree(more, files)
    make_tree(more, files // 10, prefix="new-")
    grown = dataclasses.replace(request, data_root=str(more))
    ingest = config.ingest
    return [
        Case(WALK, lambda: walk(str(root), stat=False), files),
        Case("os.scandir walk with stat", lambda: walk(str(root), stat=True), files),
        Case("listing", lambda: list_images(str(root), ingest), files),
        Case(
            "listing and fingerprint", lambda: list_images(str(root), ingest).fingerprint(), files
        ),
        Case("check, nothing changed", lambda: check(request), files),
        Case("imagemill run --scheduled, nothing changed", lambda: run(file), files),
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
