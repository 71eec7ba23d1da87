"""`imagemill config`: what a key means, and the JSON Schema for editors."""

from __future__ import annotations

import json

import click


@click.group()
def command() -> None:
    """Explain the keys of a config, or print its JSON Schema."""


@command.command()
@click.argument("key")
def explain(key: str) -> None:
    """Tell what KEY, such as train.cutmix.probability, means."""
    from pipeline.config_text import explain as text_of

    click.echo(text_of(key))


@command.command()
def schema() -> None:
    """Print the JSON Schema of the config, for editors that check YAML."""
    from pipeline.config import Config

    click.echo(json.dumps(Config.model_json_schema(), indent=2))
