"""A whole scheduler whose runs are `fake_run`.

python -m tests.pipeline.schedule.fake_scheduler CONFIG SECONDS [--standby]
"""

from __future__ import annotations

import signal
import sys
import threading

import click

from pipeline.config import load_config
from pipeline.schedule.lock import scheduler_lock
from pipeline.schedule.service import Service


def main(config_file: str, seconds: str, standby: bool) -> None:
    config = load_config(config_file)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run = [sys.executable, "-m", "tests.pipeline.schedule.fake_run", config_file, seconds]
    with scheduler_lock(config, standby=standby, stopped=stop.is_set) as mine:
        if mine:
            Service(config, run, click.echo).serve(stop)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "--standby" in sys.argv)
