"""Charts as inline SVG, drawn here so that the page needs no library and no request.

    line_chart("Loss", "epoch", [Line("train", xs, ys), Line("val", xs, ys)])

Colours are CSS classes, so they follow the theme; every chart has a text that says what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from components.model_evaluator.result import Bin
from components.report.content import Histogram

_WIDTH, _HEIGHT = 440, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 36
_TICKS = 5


class Line(NamedTuple):
    """A named line; `xs` and `ys` have equal lengths."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]


class _Frame:
    """Places data in the drawing."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self.x0, self.x1 = x
        self.y0, self.y1 = y

    def x(self, value: float) -> float:
        share = (value - self.x0) / ((self.x1 - self.x0) or 1.0)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.y0) / ((self.y1 - self.y0) or 1.0)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    def anchor(self, value: float) -> str:
        """The last label ends where the drawing does."""
        return "end" if value == self.x1 else "middle"

    def axes(self, x_label: str, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> str:
        parts = []
        for tick in y_ticks:
            y = self.y(tick)
            parts.append(
                f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
            )
            parts.append(
                f'<text x="{_LEFT - 7}" y="{y + 4}" text-anchor="end">{figure(tick)}</text>'
            )
        parts += [
            f'<text x="{self.x(tick)}" y="{_HEIGHT - 19}" text-anchor="{self.anchor(tick)}">{figure(tick)}</text>'
            for tick in x_ticks
        ]
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        parts.append(
            f'<text x="{middle}" y="{_HEIGHT - 3}" text-anchor="middle">{escape(x_label)}</text>'
        )
        return "".join(parts)


def line_chart(title: str, x_label: str, lines: Sequence[Line]) -> str:
    """Lines over a common axis, with a point at every value."""
    lines = [line for line in lines if line.xs]
    if not lines:
        return ""
    xs = [x for line in lines for x in line.xs]
    ys = [y for line in lines for y in line.ys]
    y_ticks = _nice(min(ys), max(ys))
    frame = _Frame((min(xs), max(xs)), (y_ticks[0], y_ticks[-1]))
    body = [frame.axes(x_label, _whole(min(xs), max(xs)), y_ticks)]
    for number, line in enumerate(lines, 1):
        points = [(frame.x(x), frame.y(y)) for x, y in zip(line.xs, line.ys, strict=True)]
        path = " ".join(f"{x},{y}" for x, y in points)
        body.append(f'<polyline class="line s{number}" points="{path}"/>')
        for (x, y), at, value in zip(points, line.xs, line.ys, strict=True):
            told = escape(f"{line.name}, {x_label} {figure(at)}: {figure(value)}")
            body.append(
                f'<circle class="dot s{number}" cx="{x}" cy="{y}" r="3"><title>{told}</title></circle>'
            )
    ends = ", ".join(f"{line.name} ends at {figure(line.ys[-1])}" for line in lines)
    return _svg(f"{title} by {x_label}: {ends}", "".join(body))


def histogram_chart(histogram: Histogram) -> str:
    """Bars, and a line at the median."""
    y_ticks = _nice(0, max(histogram.counts) or 1)
    edges = histogram.edges
    frame = _Frame((edges[0], edges[-1]), (0, y_ticks[-1]))
    ticks = [float(edges[0]), (edges[0] + edges[-1]) / 2, float(edges[-1])]
    body = [frame.axes(histogram.name.replace("_", " "), ticks, y_ticks)]
    for low, high, count in zip(edges, edges[1:], histogram.counts, strict=False):
        tip = f"{figure(low)} to {figure(high)}: {count:,} images"
        body.append(_bar(frame, low, high, count, "s1", tip))
    x = frame.x(min(max(histogram.median, edges[0]), edges[-1]))
    body.append(f'<line class="mark" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
    told = f"Distribution of {histogram.name.replace('_', ' ')}: median {figure(histogram.median)}"
    return _svg(told, "".join(body))


def reliability_chart(bins: Sequence[Bin]) -> str:
    """Accuracy by confidence against the diagonal of a calibrated model; wide where images are many."""
    filled = [one for one in bins if one.examples]
    if not filled:
        return ""
    frame = _Frame((0, 1), (0, 1))
    ticks = [0, 0.25, 0.5, 0.75, 1]
    body = [frame.axes("confidence (line: calibrated)", ticks, ticks)]
    most = max(one.examples for one in filled)
    for one in filled:
        tip = (
            f"confidence {one.confidence:.2f}: {one.accuracy:.0%} of {one.examples:,} images right"
        )
        body.append(_bar(frame, one.low, one.high, one.accuracy, "s1", tip, one.examples / most))
    corners = f'x1="{frame.x(0)}" y1="{frame.y(0)}" x2="{frame.x(1)}" y2="{frame.y(1)}"'
    body.append(f'<line class="mark" {corners}/>')
    body += [
        f'<circle class="dot s2" cx="{frame.x(one.confidence)}" cy="{frame.y(one.accuracy)}" r="3.5"/>'
        for one in filled
    ]
    gap = max(filled, key=lambda one: one.examples)
    told = (
        f"Reliability: where most answers lie, confidence {gap.confidence:.2f} meets accuracy "
        f"{gap.accuracy:.2f}"
    )
    return _svg(told, "".join(body))


def figure(value: float) -> str:
    """A number short enough for an axis."""
    if abs(value) >= 1000:
        return f"{value / 1e6:.3g}M" if abs(value) >= 1e6 else f"{value / 1e3:.3g}k"
    if value == int(value):
        return f"{int(value)}"
    return f"{value:.3g}"


def _bar(
    frame: _Frame, low: float, high: float, value: float, kind: str, tip: str, opacity: float = 1.0
) -> str:
    x, top = frame.x(low) + 0.5, frame.y(value)
    width = max(frame.x(high) - frame.x(low) - 1, 0.5)
    height = round(frame.y(0) - top, 1)
    shade = f' style="opacity:{0.25 + 0.75 * opacity:.2f}"' if opacity < 1 else ""
    return (
        f'<rect class="bar {kind}"{shade} x="{x:.1f}" y="{top}" width="{width:.1f}" height="{height}">'
        f"<title>{escape(tip)}</title></rect>"
    )


def _svg(told: str, body: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(told)}">'
        f"{body}</svg>"
    )


def _nice(low: float, high: float) -> list[float]:
    """About five round numbers that span the values."""
    span = (high - low) or abs(high) or 1.0
    raw = span / (_TICKS - 1)
    scale = 10.0 ** np.floor(np.log10(raw))
    step = next(m * scale for m in (1, 2, 2.5, 5, 10) if m * scale >= raw * 0.999)
    first = np.floor(low / step + 1e-9)
    count = int(np.ceil(high / step - 1e-9) - first) + 1
    return [round(float((first + i) * step), 10) for i in range(max(count, 2))]


def _whole(low: float, high: float) -> list[float]:
    """Up to nine whole numbers between two."""
    step = max(int(np.ceil((high - low) / 8)), 1)
    return [float(x) for x in range(int(low), int(high) + 1, step)]
