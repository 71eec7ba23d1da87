"""Findings as one self-contained HTML page with thumbnails; nothing is loaded from anywhere.

write_html(report, open_image, "report.html", title="photos")
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from components.data_gate.findings import Finding, GateReport, ImageRef, Item
from components.data_gate.text_table import headline

ITEMS_SHOWN = 24
IMAGES_SHOWN = 6
THUMBNAIL_SIDE = 128
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:2rem 0 .2rem}
.level{border-radius:.3rem;color:#fff;font-size:.8rem;padding:.1rem .5rem;margin-right:.5rem}
.error{background:#b3261e}.warn{background:#8a5a00}.ignore{background:#666}
.fix{color:#666;margin:0 0 .6rem}
.items{display:flex;flex-wrap:wrap;gap:.8rem}
.item{border:1px solid #8884;border-radius:.4rem;padding:.5rem}
.images{display:flex;gap:.4rem}
figure{margin:0;max-width:9rem;overflow-wrap:anywhere;font-size:.75rem}
.wide{overflow-x:auto}
table{border-collapse:collapse}th,td{padding:.15rem .6rem;text-align:right}
tr>th:first-child{text-align:left}tr{border-bottom:1px solid #8884}
img{display:block;max-height:8rem;max-width:9rem}
"""
OpenImage = Callable[[str], Image.Image]


def write_html(report: GateReport, open_image: OpenImage, path: str, *, title: str) -> None:
    """Writes the page.

    Args:
      report: what was found.
      open_image: decodes an image by the path that findings name; may raise OSError or ValueError.
      path: the file to write.
      title: what was checked.
    """
    verdict = "Refused" if report.refused else "Passed"
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width,initial-scale=1'>",
        f"<title>{html.escape(title)}: {verdict}</title><style>{_STYLE}</style>",
        f"<h1>{html.escape(title)}: {verdict}</h1>",
        f"<p>{report.images:,} images, {_counted(len(report.at('error')), 'error')}, "
        f"{_counted(len(report.at('warn')), 'warning')}.</p>",
        *(part for finding in report.findings for part in _finding(finding, open_image)),
        *(f"<p class=fix>{html.escape(note)}.</p>" for note in report.notes),
        *_classes(report),
    ]
    Path(path).write_text("\n".join(parts), encoding="utf-8")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _finding(finding: Finding, open_image: OpenImage) -> Iterator[str]:
    yield f"<h2><span class='level {finding.level}'>{finding.level}</span>{html.escape(headline(finding))}</h2>"
    yield f"<p class=fix>{html.escape(finding.fix)} <code>gate.policies.{finding.kind}</code></p>"
    yield "<div class=items>"
    for item in finding.items[:ITEMS_SHOWN]:
        yield _item(item, open_image)
    yield "</div>"
    rest = finding.items_total - min(len(finding.items), ITEMS_SHOWN)
    if rest > 0:
        yield f"<p>... and {rest:,} more</p>"


def _classes(report: GateReport) -> Iterator[str]:
    """A table of the classes: how many images, and the median of every measure."""
    if not report.classes:
        return
    measures = sorted({name for summary in report.classes for name in summary.medians})
    heads = "".join(f"<th>{html.escape(name.replace('_', ' '))}" for name in measures)
    yield "<h2>Classes</h2><p class=fix>Median of each measure over the images of a class.</p>"
    yield f"<div class=wide><table><tr><th>class<th>images{heads}"
    for summary in report.classes:
        medians = (summary.medians.get(name) for name in measures)
        cells = "".join("<td>" if value is None else f"<td>{value:,.4g}" for value in medians)
        yield f"<tr><th>{html.escape(summary.name)}<td>{summary.images:,}{cells}"
    yield "</table></div>"


def _item(item: Item, open_image: OpenImage) -> str:
    shown = "".join(_figure(image, open_image) for image in item.images[:IMAGES_SHOWN])
    subject = "" if item.images else f"<b>{html.escape(item.subject)}</b>: "
    return (
        f"<div class=item><div class=images>{shown}</div>{subject}{html.escape(item.detail)}</div>"
    )


def _figure(image: ImageRef, open_image: OpenImage) -> str:
    try:
        picture = f"<img alt='' src='{_thumbnail(open_image(image.path))}'>"
    except (OSError, ValueError):
        picture = ""
    return f"<figure>{picture}{html.escape(image.path)}</figure>"


def _thumbnail(image: Image.Image) -> str:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
