"""`imagemill config`: what a key means, and the JSON Schema for editors."""

from __future__ import annotations

import json

import click

from imagemill.options import json_flag


@click.group()
def command() -> None:
    """Explain the keys of a config, or print its JSON Schema."""


@command.command()
@click.argument("key")
@json_flag
def explain(key: str, as_json: bool) -> None:
    """Tell what KEY, such as train.cutmix.probability, means."""
    from pipeline.config_text import explain as text_of
    from pipeline.config_text import facts

    click.echo(json.dumps(facts(key), indent=2) if as_json else text_of(key))


@command.command()
def schema() -> None:
    """Print the JSON Schema of the config, for editors that check YAML."""
    from pipeline.config import Config

    click.echo(json.dumps(Config.model_json_schema(), indent=2))
