"""What `report` does: gather the artifacts, make the content, draw the page."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.data_gate.fix_list import fix_list
from components.lineage import artifact_ids
from components.report.compose import compose
from components.report.config import ReportConfig
from components.report.files import CSV_FILE, FIX_FILE, JSON_FILE, PAGE_FILE
from components.report.page import render
from components.report.sources import Sources
from components.report.suspects import as_csv
from trainer.progress import report as report_progress

Artifacts = Mapping[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]
    """Writes the page, the same as JSON, and the lists of files to act on."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Makes the report."""
        output = artifact_utils.get_single_instance(output_dict["report"])
        config = ReportConfig.model_validate_json(exec_properties["config"])
        sources = _sources(input_dict, exec_properties)
        content, fixes = compose(sources, config), fix_list(sources.findings())
        page = render(content, config, fixes)
        fileio.makedirs(output.uri)
        _write(posixpath.join(output.uri, JSON_FILE), content.model_dump_json(indent=1))
        _write(posixpath.join(output.uri, CSV_FILE), as_csv(content.labels.suspects))
        _write(posixpath.join(output.uri, FIX_FILE), fixes)
        _write(posixpath.join(output.uri, PAGE_FILE), page)
        output.set_int_custom_property("blessed", int(content.verdict.blessed))
        output.set_int_custom_property("bytes", len(page.encode()))
        report_progress("report", done=1, total=1, final=True, note=_said(page, content.notes))


def _said(page: str, notes: tuple[str, ...]) -> str:
    size = f"{len(page) / 1e6:.1f} MB"
    return f"{size}; left out: {'; '.join(notes)}" if notes else size


def _sources(inputs: Artifacts, properties: Mapping[str, Any]) -> Sources:
    uris = {key: artifact_utils.get_single_uri(value) for key, value in inputs.items()}
    pushed = artifact_utils.get_single_instance(inputs["pushed_model"])
    lineage = {key: str(properties.get(key) or "") for key in ("run_version", "code_version")}
    lineage |= {f"{key} artifact": number for key, number in artifact_ids(inputs).items()}
    return Sources(
        name=str(properties["name"]),
        uris=uris,
        model=path_utils.serving_model_path(uris["model"]),
        version=pushed.get_string_custom_property("version"),
        pushed=bool(pushed.get_int_custom_property("pushed")),
        push_reason=pushed.get_string_custom_property("reason"),
        run_config=json.loads(properties["run_config"] or "{}"),
        lineage=lineage,
    )


def _write(path: str, text: str) -> None:
    with fileio.open(path, "w") as file:
        file.write(text)
