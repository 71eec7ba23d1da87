"""The part of a report that needs no model: what the data gate found, with photos, and what the images are like.

    part = DataPart(examples_uri, gate_report, config)
    album = Album(read_images(examples_uri, part.paths()), side=128, room=4_500_000)
    part.findings(album), part.samples(album), part.histograms

It is drawn for a run that ended as for one that the gate refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from components.data_gate.findings import Finding, GateReport
from components.data_gate.records import read_table
from components.report import measures
from components.report.config import ReportConfig
from components.report.content import ClassSample, ShownFinding
from components.report.thumbnails import Album
from trainer.features import DatasetInfo

_PICTURES_PER_ITEM = 6


class DataPart:
    """What is to be shown of the data.

    Args:
      examples: folder of the Examples artifact.
      dataset: what it holds.
      gate: what the data gate found.
      config: how much is shown.

    Attributes:
      histograms: one a measure.
      sampled: paths of a few photos of train by class.
    """

    def __init__(
        self, examples: str, dataset: DatasetInfo, gate: GateReport, config: ReportConfig
    ) -> None:
        table = read_table(examples)
        names = dataset.class_names[: config.sample_classes]
        self.histograms = measures.histograms(table)
        self.sampled = measures.sample_paths(table, names, per_class=config.samples_per_class)
        self._findings = [_cut(finding, config.finding_items) for finding in gate.findings]

    def paths(self) -> set[str]:
        """The photos that are wanted."""
        found = (path for finding in self._findings for path in _paths(finding))
        return {*found, *(path for paths in self.sampled.values() for path in paths)}

    def findings(self, album: Album) -> tuple[ShownFinding, ...]:
        """The findings with thumbnails."""
        return tuple(_shown(finding, album) for finding in self._findings)

    def samples(self, album: Album) -> tuple[ClassSample, ...]:
        """A few photos of each class."""
        return tuple(
            ClassSample(name=name, pictures=tuple(album.picture(path, name) for path in paths))
            for name, paths in self.sampled.items()
        )


def _cut(finding: Finding, count: int) -> Finding:
    return finding.model_copy(update={"items": finding.items[:count]})


def _paths(finding: Finding) -> Iterable[str]:
    return (image.path for item in finding.items for image in item.images[:_PICTURES_PER_ITEM])


def _shown(finding: Finding, album: Album) -> ShownFinding:
    pictures = {path: album.picture(path) for path in dict.fromkeys(_paths(finding))}
    return ShownFinding(
        finding=finding, pictures={path: one for path, one in pictures.items() if one.src}
    )
