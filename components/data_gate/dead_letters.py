"""Files that became no example, as a finding.

raw = dead_letter_findings(letters, files=2110)
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from components.data_gate.findings import ImageRef, Item, Raw
from components.image_example_gen.dead_letter import DEAD_LETTERS_FILE, REASONS, DeadLetter


def read_dead_letters(folder: str) -> list[DeadLetter]:
    """The letters of an artifact; none where it holds no file."""
    from tfx.dsl.io import fileio

    path = posixpath.join(folder, DEAD_LETTERS_FILE)
    if not fileio.exists(path):
        return []
    with fileio.open(path) as file:
        return [DeadLetter.from_json(line) for line in file.read().splitlines() if line.strip()]


def dead_letter_findings(letters: Sequence[DeadLetter], files: int) -> list[Raw]:
    """One finding with every file and the reason; none where all files could be read.

    Args:
      letters: what ingest gave up on.
      files: number of files found, readable or not.
    """
    if not letters:
        return []
    items = [
        Item(
            subject=letter.path,
            detail=f"{REASONS.get(letter.reason, letter.reason)} ({letter.detail})",
            images=(ImageRef(path=letter.path, class_name=letter.class_name),),
        )
        for letter in sorted(letters, key=lambda letter: (letter.reason, letter.path))
    ]
    return [Raw("unreadable_files", items, len(items), files)]
