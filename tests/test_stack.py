"""Picking the stack: what fits, why, and what is said where nothing does."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.repo import ROOT

sys.path.insert(0, str(ROOT / "requirements"))
import interpreters
import make_venv
import stack

sys.path.remove(str(ROOT / "requirements"))


def _python(
    minor: int, glibc: tuple[int, ...] | None = (2, 41), **facts: Any
) -> interpreters.Interpreter:
    usual = {"platform": "linux-x86_64", "standard": True, "headers": True, "ensurepip": True}
    path = f"/opt/python3.{minor}"
    return interpreters.Interpreter(
        path=path, version=(3, minor, 1), glibc=glibc, **{**usual, **facts}
    )


def _choose(*found: interpreters.Interpreter, **tools: Any) -> stack.Choice:
    usual = {"compiler": "/usr/bin/g++", "uv": False, "system": "debian"}
    return stack.choose(list(found), **{**usual, **tools})


@pytest.mark.parametrize(
    ("minor", "glibc", "expected"),
    [
        (9, (2, 41), None),
        (10, (2, 41), "legacy"),
        (10, (2, 28), "legacy"),
        (11, (2, 39), "modern"),
        (11, (2, 38), None),
        (13, (2, 41), "modern"),
        (13, (3, 0), "modern"),
        (14, (2, 41), None),
        (13, None, None),
    ],
)
def test_python_and_glibc_decide_the_stack(
    minor: int, glibc: tuple[int, ...] | None, expected: str | None
) -> None:
    assert stack.stack_of(_python(minor, glibc)) == expected


@pytest.mark.parametrize("facts", [{"platform": "darwin-arm64"}, {"standard": False}])
def test_an_interpreter_that_no_wheel_is_built_for_fits_no_stack(facts: dict[str, Any]) -> None:
    assert stack.stack_of(_python(13, **facts)) is None


def test_modern_wins_and_of_its_pythons_the_newest() -> None:
    choice = _choose(_python(10), _python(11), _python(13), _python(12))
    assert (choice.stack, choice.interpreter.version[:2]) == ("modern", (3, 13))
    assert "glibc 2.41 is at least the 2.39" in choice.why


def test_an_old_glibc_leaves_the_legacy_stack_and_says_so() -> None:
    choice = _choose(_python(13, (2, 36)), _python(10, (2, 36)))
    assert choice.stack == "legacy"
    assert choice.why == "this machine has glibc 2.36 and TFX 1.21 needs 2.39"


def test_a_complete_interpreter_wins_over_a_newer_one_without_headers() -> None:
    assert _choose(_python(13, headers=False), _python(10)).stack == "legacy"


def test_uv_stands_in_for_ensurepip() -> None:
    assert _choose(_python(13, ensurepip=False), uv=True).stack == "modern"


@pytest.mark.parametrize(
    ("facts", "tools", "command"),
    [
        ({}, {"compiler": None}, "apt-get install g++"),
        ({"headers": False}, {}, "apt-get install python3.13-dev"),
        ({"ensurepip": False}, {}, "apt-get install python3.13-venv"),
        (
            {"headers": False, "ensurepip": False},
            {"compiler": None},
            "apt-get install g++ python3.13-dev python3.13-venv",
        ),
        ({"headers": False}, {"system": "fedora"}, "dnf install python3.13-devel"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_installs_it(
    facts: dict[str, Any], tools: dict[str, Any], command: str
) -> None:
    with pytest.raises(stack.NothingFitsError) as caught:
        _choose(_python(13, **facts), **tools)
    assert str(caught.value).splitlines()[-1].strip() == command


def test_without_a_fitting_interpreter_the_message_says_which_to_install() -> None:
    with pytest.raises(stack.NothingFitsError) as caught:
        _choose(_python(11, (2, 36)))
    message = str(caught.value)
    assert "glibc 2.36, so imagemill needs Python 3.10" in message
    assert "found 3.11.1 (/opt/python3.11)" in message
    assert "pyenv install 3.10" in message


def test_another_system_is_sent_to_a_container() -> None:
    with pytest.raises(stack.NothingFitsError, match=r"darwin-arm64.\nUse a container"):
        _choose(_python(13, None, platform="darwin-arm64"))


def test_this_interpreter_is_found_and_described_right(monkeypatch: pytest.MonkeyPatch) -> None:
    (here,) = interpreters.find_interpreters({"PYTHON": sys.executable, "PATH": ""})
    assert here.version == sys.version_info[:3]
    assert here.standard
    assert stack.stack_of(here) in {"legacy", "modern"}


def _executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_pyenv_is_searched_though_its_shims_refuse(tmp_path: Path) -> None:
    _executable(tmp_path / "shims" / "python3.10", "#!/bin/sh\nexit 127\n")
    for patch in (9, 13):
        script = f'#!/bin/sh\n# {patch}\nexec {sys.executable} "$@"\n'
        _executable(tmp_path / "pyenv" / "versions" / f"3.10.{patch}" / "bin" / "python", script)
    env = {
        "PATH": str(tmp_path / "shims"),
        "PYENV_ROOT": str(tmp_path / "pyenv"),
        "XDG_DATA_HOME": str(tmp_path),
    }
    found = [
        Path(interpreter.path).parts[-3] for interpreter in interpreters.find_interpreters(env)
    ]
    assert found == ["3.10.13", "3.10.9"]


def test_a_python_that_does_not_run_is_refused_by_name() -> None:
    with pytest.raises(stack.NothingFitsError, match="PYTHON=no-such-python does not run"):
        stack.pick({"PYTHON": "no-such-python", "PATH": "/usr/bin"})


@pytest.mark.parametrize(
    ("text", "expected"), [("glibc 2.36", (2, 36)), ("musl 1.2", None), (None, None), ("", None)]
)
def test_the_c_library_is_read_from_its_name(
    text: str | None, expected: tuple[int, ...] | None
) -> None:
    assert interpreters.parse_glibc(text) == expected


def test_a_folder_that_is_no_environment_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert make_venv.main([str(tmp_path)]) == 2
    assert "is no Python environment: move it" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_the_script_runs_alone_and_gives_its_reason() -> None:
    command = [sys.executable, str(ROOT / "requirements" / "stack.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode in {0, 2}
    assert "because" in run.stdout or "imagemill:" in run.stderr
