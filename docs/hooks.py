"""Pages of the site that are generated: the reference of settings and of commands, from the code itself.

mkdocs calls `on_files`; `python docs/hooks.py` prints the settings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ROOT = str(Path(__file__).resolve().parents[1])


def on_files(files: Any, *, config: Any) -> Any:
    """Adds the generated pages."""
    from mkdocs.structure.files import File

    # mkdocs restores the path after it has loaded this module.
    sys.path.insert(0, _ROOT)
    pages = {"reference/settings.md": settings(), "reference/commands.md": commands()}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def settings() -> str:
    """Every key of the config with type, default and meaning."""
    from pipeline.config import Config

    head = (
        "# Settings\n\nEvery key of a config file, generated from the code. `imagemill init PHOTOS` writes them "
        "all with comments, `imagemill config explain KEY` tells one, and `imagemill config schema` prints a JSON "
        "Schema for editors. On the command line any key is `--set KEY=VALUE`.\n"
    )
    return head + "".join(_section(Config, "", "Top level"))


def _section(model: Any, prefix: str, title: str) -> Iterator[str]:
    from pipeline.config_text import _default_text, _section, type_name

    yield f"\n## {title}\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
    nested = []
    for name, field in model.model_fields.items():
        inner = _section(field)
        # A policy is two limits, explained once; written out for each finding it would bury the rest.
        if inner is not None and field.annotation is inner and inner.__name__ != "Policy":
            nested.append((inner, f"{prefix}{name}"))
            continue
        cells = (
            f"`{prefix}{name}`",
            type_name(field),
            f"`{_default_text(field)}`",
            field.description,
        )
        yield (
            "| "
            + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells)
            + " |\n"
        )
    for inner, key in nested:
        yield from _section_of(inner, key)


def _section_of(model: Any, key: str) -> Iterator[str]:
    yield from _section(model, f"{key}.", f"`{key}`")


def commands() -> str:
    """The help of every verb."""
    import click

    from imagemill.cli import command

    parts = [
        "# Commands\n\nGenerated from the code. Exit codes are in [exit codes](../exit-codes.md).\n"
    ]
    context = click.Context(command, info_name="imagemill", max_content_width=100)
    for verb in command.list_commands(context):
        try:
            found = command.get_command(context, verb)
        except ImportError:
            continue
        parts += _help(found, context, f"imagemill {verb}")
    return "\n".join(parts)


def _help(found: Any, parent: Any, name: str) -> Iterator[str]:
    import click

    context = click.Context(found, info_name=name, max_content_width=100)
    yield f"## {name}\n\n```text\n{context.get_help()}\n```\n"
    for inner in getattr(found, "commands", {}).values():
        yield from _help(inner, parent, f"{name} {inner.name}")


if __name__ == "__main__":
    sys.path.insert(0, _ROOT)
    sys.stdout.write(settings())
