"""One row per image, without its pixels: what all detectors look at.

table = ImageTable(paths=[...], class_names=[...], splits=[...], sha256=[...], phash=..., thumbnails=[...], stats={})
table.ref(0), table.positions("train")
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.data_gate.findings import ClassSummary, ImageRef


@dataclasses.dataclass(frozen=True)
class ImageTable:
    """Columns over the same N images.

    Attributes:
      paths: below the data's root.
      class_names: one a row.
      splits: "train", "val" or "test", or "" where no split is given yet.
      sha256: of the file's content.
      phash: int64 [N], `components.fingerprints`.
      thumbnails: 256 bytes a row.
      stats: float64 [N] per statistic, by name without prefix; NaN where an image has none.
    """

    paths: Sequence[str]
    class_names: Sequence[str]
    splits: Sequence[str]
    sha256: Sequence[str]
    phash: npt.NDArray[np.int64]
    thumbnails: Sequence[bytes]
    stats: Mapping[str, npt.NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.paths)

    def ref(self, row: int) -> ImageRef:
        """The image of a row, for a finding."""
        return ImageRef(
            path=self.paths[row], class_name=self.class_names[row], split=self.splits[row]
        )

    def held_out(self) -> int:
        """Number of images that are in a split other than train."""
        return sum(split not in ("", "train") for split in self.splits)

    def counts(self) -> dict[str, dict[str, int]]:
        """Images per split and class."""
        found: dict[str, dict[str, int]] = {}
        for split, name in zip(self.splits, self.class_names, strict=True):
            of_split = found.setdefault(split, {})
            of_split[name] = of_split.get(name, 0) + 1
        return found

    def class_summaries(self) -> list[ClassSummary]:
        """Name, number of images and median of each measure of every class, by name."""
        names = np.array(self.class_names, dtype=object)
        return [
            ClassSummary(
                name=name,
                images=int((rows := names == name).sum()),
                medians={
                    measure: float(f"{np.nanmedian(values[rows]):.4g}")
                    for measure, values in self.stats.items()
                    if not np.isnan(values[rows]).all()
                },
            )
            for name in sorted(set(self.class_names))
        ]
