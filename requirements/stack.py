"""Picks the interpreter and the lock that fit this machine, or says exactly what to install.

    python3 requirements/stack.py      # prints what `make venv` would use, and why

Two stacks are locked: `modern` (TFX 1.21 on Python 3.11 to 3.13, whose wheels need glibc 2.39) and
`legacy` (TFX 1.16 on Python 3.10, for any glibc). Needs only the standard library of Python 3.6,
because it runs before anything is installed.
"""

import os
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple

import interpreters as machine
from interpreters import Interpreter

LEGACY_MINOR = 10
MODERN_MINORS = (11, 12, 13)
MODERN_GLIBC = (2, 39)
TFX = {"legacy": "TFX 1.16", "modern": "TFX 1.21"}


class Choice(NamedTuple):
    """What fits: the stack ("modern" or "legacy"), its interpreter, and a sentence saying why."""

    stack: str
    interpreter: Interpreter
    why: str


class NothingFitsError(Exception):
    """No stack can be set up here; the message says what to install."""


def stack_of(interpreter: Interpreter) -> Optional[str]:
    """The stack that an interpreter can run, or None."""
    if interpreter.platform != "linux-x86_64" or not interpreter.standard or not interpreter.glibc:
        return None
    major, minor = interpreter.version[:2]
    if major != 3:
        return None
    if minor in MODERN_MINORS and interpreter.glibc >= MODERN_GLIBC:
        return "modern"
    return "legacy" if minor == LEGACY_MINOR else None


def choose(
    interpreters: List[Interpreter], compiler: Optional[str], uv: bool, system: str
) -> Choice:
    """The best of the interpreters: modern before legacy, a newer Python before an older one.

    Args:
      interpreters: in order of preference among equals.
      compiler: the C++ compiler, or None where there is none.
      uv: whether uv is there, which makes an environment without ensurepip.
      system: the family of the distribution ("debian", "fedora" or ""), for install commands.

    Raises:
      NothingFitsError: where none fits, or the one that does lacks a compiler, headers or venv.
    """
    fitting = [i for i in interpreters if stack_of(i)]
    if not fitting:
        raise NothingFitsError(_no_interpreter(interpreters, system))
    ranked = sorted(
        fitting,
        key=lambda i: (len(_missing(i, compiler, uv)), stack_of(i) == "legacy", -i.version[1]),
    )
    best = ranked[0]
    missing = _missing(best, compiler, uv)
    if missing:
        raise NothingFitsError(_incomplete(best, missing, system))
    stack = stack_of(best) or ""
    return Choice(stack, best, _why(best, stack))


def pick(env: Dict[str, str]) -> Choice:
    """What fits this machine.

    Raises:
      NothingFitsError: where nothing does.
    """
    try:
        interpreters = machine.find_interpreters(env)
    except machine.NotAPythonError as error:
        raise NothingFitsError(str(error)) from None
    uv = machine.find_uv(env) is not None
    return choose(interpreters, machine.find_compiler(env), uv, machine.distribution())


def _missing(interpreter: Interpreter, compiler: Optional[str], uv: bool) -> List[str]:
    wants = [
        ("compiler", compiler is not None),
        ("headers", interpreter.headers),
        ("venv", uv or interpreter.ensurepip),
    ]
    return [name for name, there in wants if not there]


def _why(interpreter: Interpreter, stack: str) -> str:
    glibc = _dotted(interpreter.glibc or ())
    need = _dotted(MODERN_GLIBC)
    if stack == "modern":
        return f"glibc {glibc} is at least the {need} that TFX 1.21 needs"
    if (interpreter.glibc or ()) < MODERN_GLIBC:
        return f"this machine has glibc {glibc} and TFX 1.21 needs {need}"
    return "no usable Python 3.11 to 3.13 was found, which TFX 1.21 needs"


def _no_interpreter(interpreters: List[Interpreter], system: str) -> str:
    here = interpreters[0] if interpreters else machine.probe(sys.executable)
    seen = sorted({f"{_dotted(i.version)} ({i.path})" for i in interpreters})
    found = "found " + ", ".join(seen) if seen else "found none"
    if here is None or here.platform != "linux-x86_64" or not here.glibc:
        where = here.platform if here else sys.platform
        return (
            f"imagemill's locks are for Linux on x86_64 with glibc; this Python is for {where}.\n"
            "Use a container or a virtual machine with Debian, Ubuntu or Fedora on x86_64."
        )
    glibc = _dotted(here.glibc)
    if here.glibc >= MODERN_GLIBC:
        needs = "Python 3.11, 3.12 or 3.13"
        minor = "3.13"
        system_way = {
            "debian": "apt-get install python3 python3-dev",
            "fedora": "dnf install python3.13-devel",
        }
    else:
        needs = f"Python 3.10 (Python 3.11 to 3.13 needs glibc {_dotted(MODERN_GLIBC)})"
        minor = "3.10"
        system_way = {"fedora": "dnf install python3.10-devel"}
    ways = [system_way[system]] if system in system_way else []
    ways += [f"uv python install {minor} (uv itself: pipx install uv)", "pyenv install " + minor]
    lines = "\n".join("    " + way for way in ways)
    return (
        f"This machine has glibc {glibc}, so imagemill needs {needs} here; {found}.\n"
        f"Install it in one of these ways, then run make again:\n{lines}\n"
        f"or name one: make PYTHON=/path/to/python{minor} ..."
    )


def _incomplete(interpreter: Interpreter, missing: List[str], system: str) -> str:
    python = f"python{_dotted(interpreter.version[:2])}"
    words = {
        "compiler": "a C++ compiler (pyfarmhash and others come as source)",
        "headers": "the header Python.h",
        "venv": "the ensurepip module (or uv on PATH), to make an environment",
    }
    packages = {
        "debian": {"compiler": "g++", "headers": python + "-dev", "venv": python + "-venv"},
        "fedora": {"compiler": "gcc-c++", "headers": python + "-devel", "venv": "python3-pip"},
    }
    command = {"debian": "apt-get install", "fedora": "dnf install"}
    lines = [f"{_dotted(interpreter.version)} at {interpreter.path} would do, but this is missing:"]
    lines += ["    " + words[name] for name in missing]
    if system in packages:
        names = " ".join(packages[system][name] for name in missing)
        lines.append(f"Install it, then run make again:\n    {command[system]} {names}")
    else:
        lines.append("Install it with the system's package manager, then run make again.")
    return "\n".join(lines)


def _dotted(numbers: Tuple[int, ...]) -> str:
    return ".".join(str(number) for number in numbers)


def describe(choice: Choice) -> str:
    """One line for the terminal."""
    stack, interpreter, why = choice
    python = f"Python {_dotted(interpreter.version)} ({interpreter.path})"
    return f"stack {stack}: {TFX[stack]} on {python}, because {why}"


def main() -> int:
    """Prints the choice, or on standard error why there is none; returns the exit code."""
    try:
        print(describe(pick(dict(os.environ))))
    except NothingFitsError as error:
        print(f"imagemill: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
