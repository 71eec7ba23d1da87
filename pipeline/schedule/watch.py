"""Notices that files under a path changed and then came to rest.

    watch = Watch(settle=300, acted_on=state.watched)
    watch.look(fingerprint(path), time.monotonic())      # True: start a run

Polling, not inotify: it works on network disks and object stores, and a folder half copied is told from one at rest.
"""

from __future__ import annotations

import hashlib

from components.image_example_gen import paths


def fingerprint(path: str) -> str:
    """SHA-256 over names, sizes and versions of all files under a path; "" where there is nothing."""
    path = paths.local(path)
    if not paths.is_remote(path) and not paths.exists(path):
        return ""
    digest = hashlib.sha256()
    for line in sorted(f"{f.name}\0{f.size}\0{f.version}" for f in paths.walk(path)):
        digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


class Watch:
    """The state of one watch; pure, the time and the fingerprint are given.

    Args:
      settle: seconds that the fingerprint must stay as it is.
      acted_on: the fingerprint that the last run was started for.
    """

    def __init__(self, settle: float, acted_on: str) -> None:
        self._settle = settle
        self.acted_on = acted_on
        self._seen = acted_on
        self._since = 0.0

    def look(self, seen: str, now: float) -> bool:
        """Takes in what is there now; True, once, where a change has come to rest."""
        if seen != self._seen:
            self._seen, self._since = seen, now
        if seen == self.acted_on or now - self._since < self._settle:
            return False
        self.acted_on = seen
        return True
