"""Noise goes to the log, the terminal stays with us; also for C code and child processes."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import logging, os, subprocess, sys, pathlib
from imagemill.quiet import quiet
with quiet(pathlib.Path(sys.argv[1])) as terminal:
    print("from python")
    os.write(2, b"from C\\n")
    logging.getLogger("tfx").info("from a logger")
    subprocess.run([sys.executable, "-c", "print('from a child')"])
    print("for the person", file=terminal)
print("after")
"""


def test_everything_but_the_terminal_goes_to_the_log(tmp_path: Path):
    log = tmp_path / "logs" / "run.log"
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(log)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "for the person\nafter\n"
    assert done.stderr == ""
    text = log.read_text()
    for part in ("from python", "from C", "I tfx: from a logger", "from a child"):
        assert part in text


def test_logging_is_as_before_afterwards(tmp_path: Path):
    from imagemill.quiet import quiet

    before = (list(logging.getLogger().handlers), logging.getLogger().level)
    with quiet(tmp_path / "l"):
        pass
    assert (list(logging.getLogger().handlers), logging.getLogger().level) == before
