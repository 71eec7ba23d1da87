"""A card as one HTML page that loads nothing.

html = as_html(card)
"""

from __future__ import annotations

import re
from html import escape

from components.model_pusher.card.content import Block, Bullets, Card, Section, Table

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.55 system-ui,sans-serif;margin:2rem auto;max-width:54rem;padding:0 1rem}
body{background:Canvas;color:CanvasText}
h1{margin:.2rem 0}h2{border-bottom:1px solid #8886;margin:2.2rem 0 .6rem;padding-bottom:.2rem}h3{margin:1.4rem 0 .3rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.92rem}
th,td{border-bottom:1px solid #8884;padding:.25rem .8rem .25rem 0;text-align:left;overflow-wrap:anywhere}
td{font-variant-numeric:tabular-nums}code{font-size:.9em}
:focus-visible{outline:3px solid #1d5fbf;outline-offset:2px}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def as_html(card: Card) -> str:
    """The whole page."""
    name = escape(card.name)
    return "\n".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>Model card: {name}</title><style>{_STYLE}</style></head><body><main>",
            f"<h1>{name}</h1>",
            f"<p>{_inline(card.lead)}</p>",
            *map(_section, card.sections),
            "</main></body></html>",
        )
    )


def _section(section: Section) -> str:
    title = escape(section.title)
    blocks = "".join(_block(block, title) for block in section.blocks)
    return f"<h{section.level}>{title}</h{section.level}>{blocks}"


def _block(block: Block, title: str) -> str:
    if isinstance(block, Bullets):
        return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in block.items) + "</ul>"
    if isinstance(block, Table):
        return _table(block, title)
    return f"<p>{_inline(block)}</p>"


def _table(table: Table, title: str) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in table.rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{title}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
