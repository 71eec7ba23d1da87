"""A card as Markdown with the front matter of Hugging Face's hub: a repository's README.md as it stands.

text = as_markdown(card, front_matter(config, dataset, metrics))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from components.model_pusher.card.content import Block, Bullets, Card, Table


def as_markdown(card: Card, matter: Mapping[str, Any]) -> str:
    """The whole text."""
    head = yaml.safe_dump(dict(matter), sort_keys=False, allow_unicode=True)
    parts = [f"---\n{head}---", f"# {_line(card.name)}", card.lead]
    for section in card.sections:
        parts += [f"{'#' * section.level} {_line(section.title)}", *map(_block, section.blocks)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Bullets):
        return "\n".join(f"- {_line(item)}" for item in block.items)
    if isinstance(block, Table):
        lines = (block.head, tuple("---" for _ in block.head), *block.rows)
        return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)
    return block


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(text.split())
