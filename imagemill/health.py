"""What `imagemill doctor` looks at. Each check is a function that returns what it found and what to do about it.

    [check.name for check in examine(output=".") if check.state == "fail"]

Nothing heavy is imported: packages are asked for their versions, devices by their files.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

_GB = 1e9
_LEAST_DISK, _GOOD_DISK = 2 * _GB, 10 * _GB
_LEAST_MEMORY, _GOOD_MEMORY = 3 * _GB, 6 * _GB
_NEEDED = ("tfx", "tensorflow", "keras", "apache-beam", "ml-metadata", "tensorflow-model-analysis")


class Check(NamedTuple):
    """The outcome of one check; `fix` is empty where there is nothing to do."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    fix: str = ""


def examine(*, output: str = ".", registry: str = "") -> list[Check]:
    """Runs all checks; none of them raises."""
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("interpreter", interpreter),
        ("packages", packages),
        ("compiler", compiler),
        ("memory", memory),
        ("disk", lambda: disk(output)),
        ("cores", cores),
        ("gpu", gpu),
        ("weights", weights),
        ("terminal", terminal),
    ]
    if registry:
        checks.append(("registry", lambda: registry_reachable(registry)))
    return [_safely(name, check) for name, check in checks]


def interpreter() -> Check:
    """Python, and which of the two stacks it runs."""
    version, libc = platform.python_version(), "-".join(platform.libc_ver())
    found = f"Python {version}, {libc or 'unknown C library'}, {platform.machine()}"
    if sys.version_info[:2] == (3, 10):
        return Check("interpreter", "ok", f"{found}: stack legacy (TFX 1.16)")
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        number = tuple(
            int(part) for part in platform.libc_ver()[1].split(".")[:2] if part.isdigit()
        )
        if number >= (2, 39):
            return Check("interpreter", "ok", f"{found}: stack modern (TFX 1.21)")
        return Check("interpreter", "fail", found, "use Python 3.10, or a system with glibc 2.39")
    return Check("interpreter", "fail", found, "use Python 3.10 to 3.13; `make venv` looks for one")


def packages() -> Check:
    """Versions of what a run stands on."""
    found = {name: _version(name) for name in _NEEDED}
    missing = [name for name, version in found.items() if not version]
    if missing:
        return Check("packages", "fail", f"missing: {', '.join(missing)}", "run `make venv`")
    return Check("packages", "ok", ", ".join(f"{name} {found[name]}" for name in found))


def compiler() -> Check:
    """Only setting up needs it."""
    for name in ("c++", "g++", "clang++"):
        if path := shutil.which(name):
            return Check("compiler", "ok", path)
    fix = "apt-get install g++ python3-dev (only `make venv` needs it)"
    return Check("compiler", "warn", "no C++ compiler", fix)


def memory() -> Check:
    """What the kernel could give now, or this container's limit where that is lower."""
    available = _available_memory()
    found = f"{available / _GB:.1f} GB available"
    if available < _LEAST_MEMORY:
        return Check("memory", "fail", found, f"free {_LEAST_MEMORY / _GB:.0f} GB or more")
    if available < _GOOD_MEMORY:
        return Check("memory", "warn", found, "set beam.workers=1 and a smaller train.batch_size")
    return Check("memory", "ok", found)


def disk(output: str) -> Check:
    """Room where runs write, and the right to."""
    folder = Path(output).expanduser().resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{free / _GB:.1f} GB free at {folder}"
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        fix = "choose another folder with --output"
        return Check("disk", "fail", f"cannot write to {folder}: {error.strerror}", fix)
    if free < _LEAST_DISK:
        return Check("disk", "fail", found, f"free {_LEAST_DISK / _GB:.0f} GB or more")
    if free < _GOOD_DISK:
        return Check("disk", "warn", found, "large sets need about twice their size")
    return Check("disk", "ok", found)


def cores() -> Check:
    """Cores that this process may use."""
    count = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return Check("cores", "ok", f"{count}")


def gpu() -> Check:
    """NVIDIA devices by their files; TensorFlow is not loaded for this."""
    devices = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    if not devices:
        return Check("gpu", "ok", "none: training uses the processor")
    version = _version("nvidia-cudnn-cu12")
    if not version:
        fix = "pip install 'imagemill[gpu]' in the environment"
        return Check("gpu", "warn", f"{len(devices)}, but CUDA's libraries are not installed", fix)
    return Check("gpu", "ok", f"{len(devices)}, cuDNN {version}")


def weights() -> Check:
    """Keras's cache of ImageNet weights."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    files = sorted(home.glob("weights_mobilenet_v3*")) if home.is_dir() else []
    if files:
        return Check("weights", "ok", f"{len(files)} files in {home}")
    fix = "the first run fetches them; without a network give train.weights a file, or `none`"
    return Check("weights", "warn", f"no ImageNet weights in {home}", fix)


def terminal() -> Check:
    """Where drawing would go wrong."""
    encoding = sys.stdout.encoding or "unknown"
    if "utf" not in encoding.lower():
        return Check("terminal", "warn", f"encoding {encoding}", "export PYTHONIOENCODING=utf-8")
    return Check("terminal", "ok", encoding + (", NO_COLOR" if os.environ.get("NO_COLOR") else ""))


def registry_reachable(registry: str) -> Check:
    """Models in the registry."""
    from components.model_pusher.registry import open_registry

    found = open_registry(registry)
    if found is None:
        return Check("registry", "ok", f"{registry}: empty, the first run makes it")
    serving = found.in_service()
    told = f"version {serving.number} in service" if serving else "nothing in service"
    return Check("registry", "ok", f"{found.path}: {told}")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _available_memory() -> float:
    text = Path("/proc/meminfo").read_text()
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    available = float(lines["MemAvailable"].split()[0]) * 1024
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        limit = Path("/sys/fs/cgroup") / name
        if limit.is_file() and (value := limit.read_text().strip()).isdigit():
            available = min(available, float(value))
    return available


def _safely(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:
        return Check(name, "fail", f"{type(error).__name__}: {error}", "see the message")
