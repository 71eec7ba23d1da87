"""A node that goes away under a step, twice: with notice the first time, without the second."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.kubeflow.standin import process_of, start_process

SIGNALS = (signal.SIGTERM, signal.SIGKILL)
_PATIENCE = 300.0


class Preempting:
    """Launches container commands; takes a step's pod away once each try has left a new checkpoint.

    Args:
      node_id: the step.
      registry: where its checkpoints are.
    """

    def __init__(self, node_id: str, registry: Path) -> None:
        self._node_id = node_id
        self._registry = registry

    def __call__(self, argv: list[str], environment: Mapping[str, str], pod: Path) -> int:
        attempt = int(environment["KFP_RETRY_INDEX"])
        if argv[argv.index("--node_id") + 1] != self._node_id or attempt >= len(SIGNALS):
            return start_process(argv, environment, pod)
        before = self._newest()
        with process_of(argv, environment, pod) as process:
            self._wait_for_more_than(before, process)
            process.send_signal(SIGNALS[attempt])
            return process.wait()

    def _newest(self) -> str:
        return max((file.name for file in self._registry.rglob("step-*.ckpt")), default="")

    def _wait_for_more_than(self, before: str, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while process.poll() is None and self._newest() <= before:
            assert time.monotonic() < deadline, "no checkpoint in time"
            time.sleep(0.005)
