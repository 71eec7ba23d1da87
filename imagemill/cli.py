"""The entry point: finds the verb, runs it, and turns whatever it raises into a sentence and an exit code."""

from __future__ import annotations

import difflib
import importlib
import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click

from imagemill import __version__
from trainer.errors import ExitCode, UserError

# One verb a module, loaded only when it is called: `--help` must answer at once.
_VERBS = {
    "run": ("imagemill.run", "Turn a folder of images into a validated, blessed, pushed model."),
    "init": ("imagemill.init", "Write a commented config for a folder of images."),
    "demo": ("imagemill.demo", "Run the whole pipeline on handwritten digits; needs no download."),
    "check": ("imagemill.check", "Check a folder of images without training."),
    "predict": ("imagemill.predict", "Classify image files with a model."),
    "serve": ("imagemill.serve", "Serve a model over HTTP."),
    "models": ("imagemill.models", "List, compare, promote and roll back models in a registry."),
    "schema": ("imagemill.schema", "Show, compare and accept the schema of the data."),
    "augment-preview": ("imagemill.augment_preview", "Draw what training will see."),
    "report": ("imagemill.report", "Say where the report of a run is; copy or open it."),
    "runs": ("imagemill.runs", "List, show and compare earlier runs."),
    "kubeflow": ("imagemill.kubeflow", "Run the same pipeline on Kubeflow Pipelines v2."),
    "schedule": ("imagemill.schedule", "Run a config again and again, and only with a reason."),
    "status": ("imagemill.status", "Tell whether a model is fresh and its runs end well."),
    "doctor": ("imagemill.doctor", "Check this machine and say what to fix."),
    "config": ("imagemill.config", "Explain the keys of a config, or print its JSON Schema."),
}


class _Verbs(click.Group):
    """A group whose commands are modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The verbs in the order a new user meets them."""
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Imports the verb's module."""
        if cmd_name not in _VERBS:
            return None
        command = importlib.import_module(_VERBS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Lists the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, text) for verb, (_, text) in _VERBS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggests the nearest verb for a mistyped one."""
        verb = args[0]
        if verb not in _VERBS and not verb.startswith("-"):
            close = difflib.get_close_matches(verb, _VERBS, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"verbs: {', '.join(_VERBS)}"
            raise click.UsageError(f"there is no verb {verb!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, message="imagemill %(version)s")
def command() -> None:
    """Turns a folder of images into a validated, blessed, served classifier, and keeps it fresh.

    \b
    imagemill demo                    see it work on handwritten digits
    imagemill run PHOTOS              train on one folder per class
    imagemill predict MODEL photo.jpg ask the model
    """


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Runs the command and exits with a documented code (docs/exit-codes.md)."""
    if not sys.warnoptions:
        # Warnings of the libraries below are for their developers; a run's log keeps them.
        warnings.simplefilter("ignore")
    sys.exit(run_command(args))


def run_command(args: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code and prints the reason of a failure to stderr."""
    try:
        result = command.main(
            args=list(args) if args is not None else None,
            prog_name="imagemill",
            standalone_mode=False,
            color=_colour(),
        )
        return int(result) if isinstance(result, int) else int(ExitCode.OK)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return int(ExitCode.USAGE)
    except UserError as error:
        _say("Error", error.message, error.fix)
        if _reads_json(sys.argv[1:] if args is None else args):
            facts = {"error": error.message, "fix": error.fix, "exit_code": int(error.code)}
            click.echo(json.dumps(facts, indent=2))
        return int(error.code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. Nothing half-made was kept; run the same command again.", err=True)
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`| head`); say nothing more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)
    except Exception as error:
        return _internal_error(error)


def _reads_json(words: Sequence[str]) -> bool:
    """Whether a script reads our output; `check --json FILE` has it in a file."""
    return "--json" in words and words[0] != "check"


def _internal_error(error: Exception) -> int:
    if os.environ.get("IMAGEMILL_DEBUG"):
        raise error
    _say(
        "Internal error",
        f"{type(error).__name__}: {_first_line(error)}",
        "set IMAGEMILL_DEBUG=1 to see where; please report it with the traceback",
    )
    return int(ExitCode.INTERNAL)


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else "no message"


def _say(kind: str, message: str, fix: str) -> None:
    first = click.style(f"{kind}: ", fg="red", bold=True) + message
    click.echo(first, err=True, color=_colour())
    click.echo(click.style("What to do: ", bold=True) + fix, err=True, color=_colour())


def _colour() -> bool | None:
    """False where no colour is wanted (https://no-color.org), which click does not heed by itself."""
    return False if os.environ.get("NO_COLOR") else None
