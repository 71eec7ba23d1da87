"""Makes or brings up to date the environment: `python3 requirements/make_venv.py .venv`.

The interpreter and the lock are `stack.py`'s choice. Everything lands in the environment's folder:
where there is no uv on PATH, a pinned one is put inside it. Running it again is harmless and quick.
Needs only the standard library of Python 3.6.
"""

import os
import subprocess
import sys
from typing import Dict, List

import interpreters
import stack

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main(arguments: List[str]) -> int:
    """Makes the environment named by the only argument; returns the exit code."""
    if len(arguments) != 1:
        print("usage: make_venv.py FOLDER", file=sys.stderr)
        return 2
    folder = os.path.abspath(arguments[0])
    env = _environment_variables(folder)
    try:
        choice = stack.pick(env)
        print("imagemill: " + stack.describe(choice), flush=True)
        uv = _environment(folder, choice, env)
        _install(uv, folder, choice.stack, env)
    except stack.NothingFitsError as error:
        print(f"imagemill: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        step = " ".join(error.cmd)
        print(f"imagemill: this step failed, its own message is above: {step}", file=sys.stderr)
        return 1
    return 0


def _environment_variables(folder: str) -> Dict[str, str]:
    """This process's, without what an active environment left in them.

    An environment that is there and fits keeps its interpreter unless PYTHON says otherwise.
    """
    env = dict(os.environ)
    for name in ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"):
        env.pop(name, None)
    there = interpreters.probe(os.path.join(folder, "bin", "python"))
    if not env.get("PYTHON") and there is not None and stack.stack_of(there):
        env["PYTHON"] = there.path
    return env


def _environment(folder: str, choice: stack.Choice, env: Dict[str, str]) -> str:
    """Sees to an empty or matching environment in the folder; returns the uv to fill it with.

    Raises:
      NothingFitsError: where the folder holds something else than an environment.
    """
    python = os.path.join(folder, "bin", "python")
    own_uv = os.path.join(folder, "bin", "uv")
    path_uv = interpreters.find_uv(env)
    if not _matches(python, choice):
        if os.path.isdir(folder) and os.listdir(folder) and not _is_environment(folder):
            raise stack.NothingFitsError(
                f"{folder} is there and is no Python environment: move it, or name "
                "another folder with make VENV=..."
            )
        base = choice.interpreter.path
        if path_uv:
            _run([path_uv, "venv", "--quiet", "--clear", "--python", base, folder], env)
        else:
            _run([base, "-m", "venv", "--clear", folder], env)
    if os.access(own_uv, os.X_OK):
        return own_uv
    if path_uv:
        return path_uv
    lock = os.path.join(ROOT, "requirements", "build.lock")
    _run(
        [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
            lock,
        ],
        env,
    )
    return own_uv


def _matches(python: str, choice: stack.Choice) -> bool:
    there = interpreters.probe(python)
    return there is not None and there.version == choice.interpreter.version


def _is_environment(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "pyvenv.cfg"))


def _install(uv: str, folder: str, name: str, env: Dict[str, str]) -> None:
    """Puts the locked packages and the project, in place, into the environment.

    Bytecode is compiled here, because importing TFX uncompiled takes most of a minute, each time
    again where PYTHONDONTWRITEBYTECODE is set.
    """
    install = [uv, "pip", "install", "--python", os.path.join(folder, "bin", "python")]
    lock = os.path.join(ROOT, "requirements", name + ".lock")
    print("installing locked packages: at first about 1 GB to download, 3.5 GB on disk", flush=True)
    if not sys.stderr.isatty():
        install.append("--quiet")
    _run([*install, "--require-hashes", "--compile-bytecode", "-r", lock], env)
    _run([*install, "--no-deps", "--no-build-isolation", "--editable", ROOT], env)


def _run(command: List[str], env: Dict[str, str]) -> None:
    print("+ " + " ".join(command), flush=True)
    subprocess.run(command, check=True, env=env, cwd=ROOT, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
