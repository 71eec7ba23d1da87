"""What is on this machine: interpreters, a C++ compiler, uv, the distribution.

    for interpreter in find_interpreters(dict(os.environ)):
        print(interpreter.path, interpreter.version, interpreter.glibc)

Only looks; nothing is installed or changed. Standard library of Python 3.6 only, because it runs
before anything is installed.
"""

import glob
import json
import os
import shutil
import subprocess
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

MINORS = (13, 12, 11, 10)

_PROBE = """
import importlib.util, json, os, platform, sys, sysconfig
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION")
except (AttributeError, OSError, ValueError):
    libc = None
include = sysconfig.get_paths()["include"]
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "implementation": platform.python_implementation(),
    "platform": sys.platform + "-" + platform.machine(),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "glibc": libc,
    "headers": os.path.exists(os.path.join(include, "Python.h")),
    "ensurepip": importlib.util.find_spec("ensurepip") is not None,
}))
"""


class Interpreter(NamedTuple):
    """A Python that was started and answered.

    Attributes:
      path: of the executable.
      version: major, minor and patch.
      platform: system and processor, such as "linux-x86_64".
      glibc: of the C library it runs on; None where that is not glibc.
      standard: a CPython with a global lock, the only kind that the wheels are built for.
      headers: whether `Python.h` is there, which packages without a wheel compile against.
      ensurepip: whether it can put pip into an environment of its own making.
    """

    path: str
    version: Tuple[int, ...]
    platform: str
    glibc: Optional[Tuple[int, ...]]
    standard: bool
    headers: bool
    ensurepip: bool


class NotAPythonError(Exception):
    """PYTHON names something that does not run as a Python interpreter."""


def probe(path: str) -> Optional[Interpreter]:
    """Starts an interpreter and asks it; None where it does not run (an inactive pyenv shim)."""
    try:
        answer = subprocess.run(
            [path, "-I", "-c", _PROBE],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )
        facts = json.loads(answer.stdout.decode())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(
        path=path,
        version=tuple(facts["version"]),
        platform=facts["platform"],
        glibc=parse_glibc(facts["glibc"]),
        standard=facts["implementation"] == "CPython" and not facts["free_threaded"],
        headers=facts["headers"],
        ensurepip=facts["ensurepip"],
    )


def parse_glibc(text: Optional[str]) -> Optional[Tuple[int, ...]]:
    """The numbers in "glibc 2.36"; None where there is no glibc."""
    name, _, number = (text or "").partition(" ")
    return tuple(int(part) for part in number.split(".")) if name == "glibc" else None


def candidate_paths(env: Dict[str, str]) -> Iterator[str]:
    """Where interpreters may be: PATH, then pyenv's versions (active or not), then uv's."""
    minors = [f"3.{minor}" for minor in MINORS]
    for minor in minors:
        for folder in env.get("PATH", "").split(os.pathsep):
            yield os.path.join(folder, "python" + minor)
    home = os.path.expanduser("~")
    pyenv = env.get("PYENV_ROOT") or os.path.join(home, ".pyenv")
    data = env.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    managed = env.get("UV_PYTHON_INSTALL_DIR") or os.path.join(data, "uv", "python")
    for minor in minors:
        yield from _newest_first(os.path.join(pyenv, "versions", minor + ".*", "bin", "python"))
        yield from _newest_first(
            os.path.join(managed, f"cpython-{minor}.*", "bin", "python" + minor)
        )
    for name in ("python3", "python"):
        found = shutil.which(name, path=env.get("PATH"))
        if found:
            yield found


def find_interpreters(env: Dict[str, str]) -> List[Interpreter]:
    """Every interpreter that runs, in the order of `candidate_paths`; only PYTHON where it is set.

    Raises:
      NotAPythonError: where PYTHON names something that is not a Python.
    """
    chosen = env.get("PYTHON")
    if chosen:
        found = probe(shutil.which(chosen, path=env.get("PATH")) or chosen)
        if found is None:
            raise NotAPythonError(f"PYTHON={chosen} does not run as a Python interpreter")
        return [found]
    paths = []  # type: List[str]
    for path in candidate_paths(env):
        if os.access(path, os.X_OK) and path not in paths:
            paths.append(path)
    probed = (probe(path) for path in paths)
    return [interpreter for interpreter in probed if interpreter is not None]


def find_compiler(env: Dict[str, str]) -> Optional[str]:
    """The C++ compiler: CXX where it is set, or the first usual name on PATH."""
    names = [env["CXX"].split()[0]] if env.get("CXX", "").strip() else ["g++", "c++", "clang++"]
    found = (shutil.which(name, path=env.get("PATH")) for name in names)
    return next((path for path in found if path), None)


def find_uv(env: Dict[str, str]) -> Optional[str]:
    """A uv on PATH that runs (a pyenv shim may not)."""
    path = shutil.which("uv", path=env.get("PATH"))
    if path is None:
        return None
    null = subprocess.DEVNULL
    return path if subprocess.call([path, "--version"], stdout=null, stderr=null) == 0 else None


def distribution() -> str:
    """The family of the Linux distribution that install commands are known for, or ""."""
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            lines = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    except OSError:
        return ""
    names = (lines.get("ID", "") + " " + lines.get("ID_LIKE", "")).replace('"', "").split()
    return next((name for name in names if name in ("debian", "fedora")), "")


def _newest_first(pattern: str) -> List[str]:
    def patch(path: str) -> List[int]:
        return [
            int(part)
            for part in path.split("3.", 1)[-1].replace("/", ".").split(".")
            if part.isdigit()
        ]

    return sorted(glob.glob(pattern), key=patch, reverse=True)
