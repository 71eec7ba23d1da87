"""Digests of the code that makes a model, so that a step is not reused after its code changed.

    code_version()                          # all of it, for the lineage
    step_versions()["trainer"]              # what that step can reach, for the step cache

TFX's cache knows a step's inputs and settings, not its source (a `run_fn` named by path is just a string to it). What a
step can reach is read from the import statements, those inside functions as well: a module too many costs a run, a
module too few would hide a change. So a component's folder counts whole, and so does a module that is started by name.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
from collections.abc import Iterable, Iterator
from pathlib import Path

import components
import trainer

_PACKAGES = ("tensorflow", "keras", "tfx", "pillow")
_ROOT = Path(trainer.__path__[0]).parent
_ROOMS = ("components", "trainer")
# The steps whose work is worth reusing, and where their code begins.
_BEGINNINGS = {
    "image-example-gen": ("components.image_example_gen",),
    "data-gate": ("components.data_gate",),
    "tuner": ("trainer.tuning",),
    "trainer": ("trainer.run",),
    "model-evaluator": ("components.model_evaluator",),
    "model-validator": ("components.model_validator",),
}


@functools.cache
def code_version() -> str:
    """12 hex digits over the sources of `trainer/` and `components/` and the versions of what they use."""
    rooms = (Path(room.__path__[0]) for room in (components, trainer))
    return _digest(file for room in rooms for file in room.rglob("*.py"))


@functools.cache
def step_versions() -> dict[str, str]:
    """12 hex digits a step, over the sources that it can reach."""
    return {step: _digest(reachable(_ROOT, beginnings)) for step, beginnings in _BEGINNINGS.items()}


def reachable(root: Path, beginnings: Iterable[str]) -> set[Path]:
    """Files of our rooms that can be imported from these modules; a package counts with all its modules.

    Args:
      root: the folder that the rooms are in.
      beginnings: dotted names of modules or packages.
    """
    found: set[Path] = set()
    waiting = [file for name in beginnings for file in _files(root, name)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(root, file.read_bytes())
    return found


def _files(root: Path, name: str) -> list[Path]:
    """All files of a package, or the file of a module."""
    place = root.joinpath(*name.split("."))
    return [*place.rglob("*.py")] if place.is_dir() else [place.with_suffix(".py")]


@functools.cache
def _imported(root: Path, source: bytes) -> tuple[Path, ...]:
    files = []
    for name in _names(ast.parse(source)):
        place = root.joinpath(*name.split("."))
        files += [place.with_suffix(".py"), place / "__init__.py"]
        files += [parent / "__init__.py" for parent in place.parents if parent != root]
    return tuple(file for file in files if file.is_relative_to(root) and file.is_file())


def _names(tree: ast.AST) -> Iterator[str]:
    """Dotted names of our rooms: imported, or spelt out for `python -m` and `importlib`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if node.value.replace(".", "").isidentifier() else []
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] in _ROOMS)


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for name, file in sorted((file.relative_to(_ROOT).as_posix(), file) for file in files):
        digest.update(name.encode())
        digest.update(file.read_bytes())
    for package in _PACKAGES:
        digest.update(f"{package}=={importlib.metadata.version(package)}".encode())
    return digest.hexdigest()[:12]
