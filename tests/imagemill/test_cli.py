"""The entry point: verbs, mistakes, exit codes; nothing heavy."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys

import click
import pytest

from imagemill import __version__, cli
from tests.imagemill.cli_process import ROOT
from trainer.errors import ExitCode, UserError


def test_help_lists_every_verb(capsys):
    assert cli.run_command(["--help"]) == 0
    out = capsys.readouterr().out
    for verb in cli._VERBS:
        assert f"\n  {verb} " in out


@pytest.mark.parametrize("verb", list(cli._VERBS))
def test_every_verb_has_help(verb, capsys):
    assert cli.run_command([verb, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: imagemill {verb}")


def test_no_verb_prints_help(capsys):
    cli.run_command([])
    output = capsys.readouterr()
    assert "Verbs:" in output.out + output.err


def test_version(capsys):
    assert cli.run_command(["--version"]) == 0
    assert capsys.readouterr().out == f"imagemill {__version__}\n"


def test_mistyped_verb(capsys):
    assert cli.run_command(["rnu", "x"]) == ExitCode.USAGE
    assert "there is no verb 'rnu'; did you mean `run`?" in capsys.readouterr().err


def test_run_needs_an_input(capsys):
    assert cli.run_command(["run"]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "received neither" in err
    assert "What to do: run `imagemill run PHOTOS`" in err


@pytest.mark.parametrize(
    ("raised", "code", "text"),
    [
        (UserError("it broke", fix="mend it", code=ExitCode.DATA_REFUSED), 3, "mend it"),
        (KeyboardInterrupt(), 130, "Interrupted"),
        (ZeroDivisionError("by zero"), 1, "ZeroDivisionError: by zero"),
        (click.UsageError("no such flag"), 2, "no such flag"),
    ],
)
def test_what_is_raised_becomes_a_sentence_and_a_code(raised, code, text, monkeypatch, capsys):
    def fail(**kwargs):
        raise raised

    monkeypatch.setattr(cli.command, "main", fail)
    assert cli.run_command([]) == code
    err = capsys.readouterr().err
    assert text in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("typed", "offered"), [("imagemill ru", "run"), ("imagemill runs co", "compare")]
)
def test_the_shell_completes_verbs(typed, offered, monkeypatch, capsys):
    monkeypatch.setenv("_IMAGEMILL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    with pytest.raises(SystemExit):
        cli.run_command()
    assert f"plain,{offered}" in capsys.readouterr().out.split()


# Verbs without `--json`, and why.
_NOTHING_TO_READ = {
    "init": "writes a file",
    "serve": "speaks HTTP",
    "schema accept": "writes a file",
    "augment-preview": "draws a picture",
    "runs open": "opens a browser; `report` prints the path",
    "models prune": "asks",
    "kubeflow build-image": "runs a builder",
    "kubeflow compile": "writes a file",
    "kubeflow submit": "follows a run; `kubeflow status --json` reads it",
    "kubeflow logs": "prints a log as it is",
    "kubeflow schedule": "changes a schedule",
    "schedule start": "runs until it is stopped",
    "schedule run-now": "leaves a note",
    "schedule pause": "leaves a note",
    "schedule resume": "leaves a note",
    "schedule install": "writes files",
    "config schema": "prints JSON always",
}


def _commands():
    def walk(found, name, context):
        if isinstance(found, click.Group):
            for inner in found.list_commands(context):
                child = found.get_command(context, inner)
                assert child is not None
                yield from walk(child, f"{name} {inner}".strip(), context)
        else:
            yield name, found

    return dict(walk(cli.command, "", click.Context(cli.command)))


@pytest.mark.parametrize(("name", "found"), _commands().items(), ids=lambda value: str(value)[:30])
def test_what_a_script_may_read_has_json(name, found):
    flags = {flag for option in found.params for flag in option.opts}
    assert ("--json" in flags) != (name in _NOTHING_TO_READ)


def test_every_exempt_verb_exists():
    assert set(_NOTHING_TO_READ) <= set(_commands())


def test_exit_codes_are_documented_as_they_are():
    text = (ROOT / "docs" / "exit-codes.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", text, re.MULTILINE)
    assert [(int(code), name) for code, name in rows] == [(int(c), c.name) for c in ExitCode]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_as_the_docs_say(shell, monkeypatch, capsys):
    text = (ROOT / "docs" / "how-to" / "shell.md").read_text()
    assert f"_IMAGEMILL_COMPLETE={shell}_source imagemill" in text
    monkeypatch.setenv("_IMAGEMILL_COMPLETE", f"{shell}_source")
    with pytest.raises(SystemExit) as ended:
        cli.run_command()
    assert ended.value.code == 0
    assert "_IMAGEMILL_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(("wish", "coloured"), [("1", False), ("", True)])
def test_no_colour_where_none_is_wanted(tmp_path, wish, coloured):
    """On a real terminal: a pipe has no colour anyway."""
    command = [sys.executable, "-m", "imagemill", "runs", "list", "--output", str(tmp_path)]
    ours, theirs = _terminal()
    environment = {**os.environ, "NO_COLOR": wish, "TERM": "xterm-256color"}
    code = subprocess.call(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert code == ExitCode.USAGE
    assert "there is no history of runs" in shown
    assert ("\x1b[" in shown) == coloured


def _terminal() -> tuple[int, int]:
    try:
        return pty.openpty()
    except OSError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no pseudo-terminal: {error}")
        pytest.skip(f"no pseudo-terminal: {error}")


def test_a_failed_run_says_why_as_json(tmp_path, capsys):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    output = tmp_path / "out"
    words = ["run", str(tmp_path / "photos"), "--output", str(output), "--json"]
    assert cli.run_command(words) == ExitCode.USAGE
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == ExitCode.USAGE
    assert told["error"]
    assert told["fix"]
