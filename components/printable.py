"""Names of files, as anybody may have chosen them, made fit for a terminal."""

from __future__ import annotations


def printable(name: str) -> str:
    """The name with what a terminal would obey, or break a line at, shown as an escape."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)
