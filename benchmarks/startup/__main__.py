"""Measures `imagemill --help` and friends against an interpreter that does nothing.

The bound is half a second for any help text: no verb may import TensorFlow, TFX or Beam to
describe itself.
"""

from __future__ import annotations

import sys

from benchmarks.harness import Case, command, main

VERBS = (["--help"], ["--version"], ["run", "--help"], ["init", "--help"], ["predict", "--help"])
BARE = "python -c pass"
LIMIT_SECONDS = 0.5


def cases() -> list[Case]:
    """The bare interpreter, then every help text."""
    bare = Case(BARE, command([sys.executable, "-c", "pass"]))
    helps = [
        Case(f"imagemill {' '.join(words)}", command([sys.executable, "-m", "imagemill", *words]))
        for words in VERBS
    ]
    return [bare, *helps]


if __name__ == "__main__":
    slow = [
        result.name
        for result in main("startup", cases(), baseline=BARE, repeats=11)
        if result.median > LIMIT_SECONDS
    ]
    sys.exit(f"over {LIMIT_SECONDS} s: {', '.join(slow)}" if slow else 0)
