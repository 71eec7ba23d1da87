"""Images that a person would call bad: blank, tiny, blurred, dark, over-exposed, of odd shape.

    findings = quality_findings(table, QualityConfig())

Every rule has an absolute limit and asks that the image also stands out from the set: where all images are 32 pixels
small or all are scanned pages, that is what the set is like and no finding. Limits were set on 2,100 real photos, of
which they flag one, and on the same photos blurred, darkened and brightened (docs/data-gate.md has the figures).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from components.data_gate.config import QualityConfig
from components.data_gate.findings import Item, Raw
from components.data_gate.image_table import ImageTable

Floats = npt.NDArray[np.float64]
Measures = Mapping[str, Floats]

CLIPPED = 250
_SHARPNESS_OF_MEDIAN = 0.1


@dataclasses.dataclass(frozen=True)
class Rule:
    """Flags images whose value is below `limit` and below `share_of_median` of the set's median.

    Attributes:
      kind: key of the finding.
      values: float64 [N]; lower is worse; NaN is never flagged.
      limit: absolute limit.
      share_of_median: how far below the median an image must be as well, from 0 to 1.
      text: the measured value of a row, for a person.
    """

    kind: str
    values: Floats
    limit: float
    share_of_median: float
    text: Callable[[int], str]

    def rows(self) -> list[int]:
        """Flagged rows, the worst first."""
        with np.errstate(invalid="ignore"):
            limit = min(self.limit, float(np.nanmedian(self.values)) * self.share_of_median)
            flagged = np.flatnonzero(self.values < limit)
        return [int(row) for row in flagged[np.argsort(self.values[flagged], kind="stable")]]


def quality_findings(table: ImageTable, config: QualityConfig) -> list[Raw]:
    """One finding per kind that occurs; a blank image is not also called blurred or dark.

    Args:
      table: needs the measures of `components.image_example_gen.measures`; without them nothing is found.
      config: limits.
    """
    if not len(table) or "sharpness" not in table.stats:
        return []
    flagged: dict[str, dict[int, str]] = {}
    explained: set[int] = set()
    for rule in _rules(table, config):
        rows = [row for row in rule.rows() if row not in explained]
        flagged.setdefault(rule.kind, {}).update((row, rule.text(row)) for row in rows)
        if rule.kind in ("blank", "tiny"):
            explained.update(rows)
    return [_raw(table, kind, rows) for kind, rows in flagged.items() if rows]


def clipped_share(thumbnail: bytes) -> float:
    """Share of the 256 cells of a thumbnail that are all but white."""
    return sum(value >= CLIPPED for value in thumbnail) / len(thumbnail)


def source_side(stats: Measures) -> Floats:
    """Shorter side of the source in pixels, float64 [N]."""
    aspect = stats["aspect_ratio"]
    height = np.sqrt(stats["megapixels"] * 1e6 / aspect)
    side: Floats = np.minimum(height, height * aspect)
    return side


def _rules(table: ImageTable, config: QualityConfig) -> list[Rule]:
    stats, median = table.stats, config.share_of_median
    contrast, brightness = stats["contrast"], stats["brightness"]
    detail = stats["sharpness"] / np.maximum(contrast, 1) ** 2
    # Over the mean, so that a night photo is dark and not blank; + 10 keeps noise in black frames from counting.
    weber = contrast / (brightness + 10)
    highlights = brightness + 2 * contrast
    clipped = np.array([clipped_share(each) for each in table.thumbnails], dtype=np.float64)
    unclipped = 1 - clipped
    slenderness = np.minimum(stats["aspect_ratio"], 1 / stats["aspect_ratio"])
    side = source_side(stats)
    return [
        Rule("tiny", side, config.min_side, median, lambda row: f"shorter side {side[row]:.0f} px"),
        Rule(
            "blank", weber, config.blank_contrast, median, lambda row: f"contrast {weber[row]:.3f}"
        ),
        Rule(
            "blank",
            stats["entropy"],
            config.blank_entropy,
            median,
            lambda row: f"entropy {stats['entropy'][row]:.2f} bits",
        ),
        Rule(
            "blurred",
            detail,
            config.blurred_below,
            _SHARPNESS_OF_MEDIAN,
            lambda row: f"relative sharpness {detail[row]:.4f}",
        ),
        Rule(
            "dark",
            highlights,
            config.dark_below,
            median,
            lambda row: f"highlights at {highlights[row]:.0f} of 255",
        ),
        Rule(
            "over_exposed",
            unclipped,
            1 - config.over_exposed_above,
            median,
            lambda row: f"{clipped[row]:.0%} of the area is white",
        ),
        Rule(
            "odd_aspect",
            slenderness,
            1 / config.max_aspect,
            median,
            lambda row: f"width / height {stats['aspect_ratio'][row]:.2f}",
        ),
    ]


def _raw(table: ImageTable, kind: str, rows: Mapping[int, str]) -> Raw:
    items = [
        Item(subject=table.paths[row], detail=text, images=(table.ref(row),))
        for row, text in rows.items()
    ]
    return Raw(kind, items, len(items), len(table))
