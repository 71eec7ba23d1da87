"""The report of a run that the data gate refused: the data part alone, with the verdict first.

    page = write_refused(folder, Refused(name="scenes", examples=uri, gate=report, ...), ReportConfig())

TFX deletes the outputs of a step that failed and KFP's launcher does not upload them, so this is written beside them:
by the local runner into its output folder, by a cluster's step into the registry.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components.data_gate.findings import Finding, GateReport
from components.data_gate.fix_list import fix_list
from components.report.config import ReportConfig
from components.report.content import LabelCheck, Report, Verdict
from components.report.data_part import DataPart
from components.report.files import FIX_FILE, JSON_FILE, PAGE_FILE
from components.report.page import render
from components.report.sources import read_dataset, read_images
from components.report.thumbnails import Album


@dataclasses.dataclass(frozen=True)
class Refused:
    """A run that ended at the data gate.

    Attributes:
      name: the model's name.
      examples: folder of the Examples artifact.
      gate: what the data gate found.
      run_config: every setting of the run.
      lineage: fingerprints and ids.
    """

    name: str
    examples: str
    gate: GateReport
    run_config: Mapping[str, Any]
    lineage: Mapping[str, str]


def write_refused(folder: Path, run: Refused, config: ReportConfig) -> Path:
    """Writes the report's files into a folder; returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in refused_files(run, config).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / PAGE_FILE


def refused_files(run: Refused, config: ReportConfig) -> dict[str, str]:
    """The same as JSON, the list of files to act on, and the page, by file name."""
    content = compose_refused(run, config)
    fixes = fix_list(run.gate)
    return {
        JSON_FILE: content.model_dump_json(indent=1),
        FIX_FILE: fixes,
        PAGE_FILE: render(content, config, fixes),
    }


def compose_refused(run: Refused, config: ReportConfig) -> Report:
    """Gathers what the page shows."""
    dataset = read_dataset(run.examples)
    part = DataPart(run.examples, dataset, run.gate, config)
    images = read_images(run.examples, part.paths())
    album = Album(images, side=config.thumbnail_side, room=config.max_bytes)
    findings, samples = part.findings(album), part.samples(album)
    total = sum(map(dataset.split_size, dataset.counts))
    return Report(
        name=run.name,
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        verdict=_verdict(run.gate),
        dataset=dataset,
        histograms=part.histograms,
        samples=samples,
        findings=findings,
        not_looked_for=run.gate.notes,
        augmentation=(),
        epochs=(),
        evaluation=None,
        confused=(),
        losses=(),
        labels=LabelCheck(scored=0, total=total, suspects=()),
        sizes={},
        lineage={"data_version": dataset.data_version, **run.lineage},
        config_yaml=yaml.safe_dump(dict(run.run_config), sort_keys=False, allow_unicode=True),
        notes=album.notes(),
    )


def _verdict(gate: GateReport) -> Verdict:
    errors = gate.at("error")
    count = "1 finding is" if len(errors) == 1 else f"{len(errors)} findings are"
    return Verdict(
        blessed=False,
        pushed=False,
        version="",
        headline=f"Refused by the data gate: {count} over the limit, so nothing was trained.",
        reasons=tuple(_reason(finding) for finding in errors),
    )


def _reason(finding: Finding) -> str:
    head = f"{finding.title}: {finding.count:,} of {finding.total:,} {finding.unit}"
    return f"{head} (tolerated: {finding.limit}); {finding.fix}"
