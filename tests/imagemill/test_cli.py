"""The entry point: verbs, mistakes, exit codes; nothing heavy."""

from __future__ import annotations

import click
import pytest

from imagemill import __version__, cli
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
