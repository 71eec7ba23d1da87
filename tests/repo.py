"""The repository as the tests of it see it: rooms, tracked files, imports, requirements, locks."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("imagemill", "kubeflow", "pipeline", "components", "trainer")
"""From the top down: a room imports from those after it."""
PYTHONS = {"legacy": ("3.10",), "modern": ("3.11", "3.12", "3.13")}


class Import(NamedTuple):
    """One import statement: where it stands and the module it names."""

    path: Path
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}"


def room_files(room: str) -> list[Path]:
    """The Python files of a room."""
    return sorted((ROOT / room).rglob("*.py"))


def imports(path: Path) -> Iterator[Import]:
    """Every absolute import of a file, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (Import(path, node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield Import(path, node.lineno, node.module)


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """The text files that git knows; skips the calling test outside a git work tree."""
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git work tree: there is no list of tracked files")
    paths = [ROOT / name.decode() for name in listing.stdout.split(b"\0") if name]
    return tuple(path for path in paths if path.is_file() and _is_text(path))


def setup_py() -> ModuleType:
    """`setup.py` as a module; importing it builds nothing."""
    return load_script(ROOT / "setup.py")


def load_script(path: Path) -> ModuleType:
    """A Python file that is on no import path, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def requirements(*extras: str) -> list[Requirement]:
    """The direct dependencies of the package, and those of the extras."""
    setup = setup_py()
    specs = [*setup.requirements(), *(spec for extra in extras for spec in setup.EXTRAS[extra])]
    return [Requirement(spec) for spec in specs]


def locked(stack: str, python: str) -> dict[str, Version]:
    """The versions that a lock holds for one Python, by canonical name."""
    versions = {}
    for line in (ROOT / "requirements" / f"{stack}.lock").read_text(encoding="utf-8").splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            pin = Requirement(line.rstrip(" \\"))
            if pin.marker is None or pin.marker.evaluate(marker_environment(python)):
                (specifier,) = pin.specifier
                versions[canonicalize_name(pin.name)] = Version(specifier.version)
    return versions


def marker_environment(python: str) -> dict[str, str]:
    """What environment markers see under a Python on Linux."""
    return {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" not in file.read(8192)
