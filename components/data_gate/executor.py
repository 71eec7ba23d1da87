"""What `data-gate` does: read, look, judge, write down, and refuse where the policy says so."""

from __future__ import annotations

import logging
import posixpath
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.data_gate.anomalies import (
    read_all_statistics,
    schema_findings,
    write_anomalies,
)
from components.data_gate.compare import (
    class_drift_findings,
    drift_findings,
    embedding_notes,
    skew_findings,
)
from components.data_gate.config import GateConfig
from components.data_gate.curation import check, settle
from components.data_gate.dead_letters import read_dead_letters
from components.data_gate.findings import FINDINGS_FILE, GateReport, judge
from components.data_gate.look import look
from components.data_gate.records import read_table
from components.data_gate.refusal import refusal
from components.data_gate.schema_store import SchemaStore
from components.data_gate.service import read_served
from trainer.features import DATASET_FILE, SPLITS, DatasetInfo
from trainer.progress import report as report_progress

_LOGGER = logging.getLogger(__name__)


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]
    """Writes TFDV's anomalies and `findings.json`; sets `errors`, `warnings` and `refused`."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the gate.

        Raises:
          UserError: with exit code DATA_REFUSED and all findings in the message.
        """
        config = GateConfig.model_validate_json(exec_properties["config"])
        uris = {key: artifact_utils.get_single_uri(value) for key, value in input_dict.items()}
        output = artifact_utils.get_single_instance(output_dict["anomalies"])
        output.split_names = artifact_utils.encode_split_names(list(SPLITS))
        place = (exec_properties["registry"], exec_properties["name"])
        found = _examine(uris, output.uri, config, place)
        _publish(output, found)
        if found.refused:
            raise refusal(found, config)


def _examine(
    uris: dict[str, str], output_uri: str, config: GateConfig, place: tuple[str, str]
) -> GateReport:
    table = read_table(uris["examples"])
    letters = read_dead_letters(uris["dead_letters"])
    with fileio.open(posixpath.join(uris["examples"], DATASET_FILE)) as file:
        dataset = DatasetInfo.model_validate_json(file.read())
    statistics = read_all_statistics(uris["statistics"])
    schema = _read_schema(uris["schema"])
    store = SchemaStore(*place)
    accepted = store.accepted()
    verdict = check(accepted.schema if accepted else None, schema, statistics)
    for split, found in verdict.anomalies.items():
        write_anomalies(output_uri, split, found)
    served = read_served(*place)
    before = served.statistics if served else {}
    raws = [
        *look(table, dataset.class_names, letters, config, served.class_names if served else None),
        schema_findings(verdict.anomalies, len(schema.feature)),
        *skew_findings(statistics, config.skew),
        *drift_findings(statistics, before, config.drift),
        *class_drift_findings(statistics, before, config.drift),
    ]
    report = judge(
        raws,
        config.policies,
        config.files_listed,
        images=len(table),
        classes=table.class_summaries(),
        notes=embedding_notes(statistics, before),
    )
    for note in report.notes:
        _LOGGER.warning(note)
    settle(store, verdict, refused=report.refused)
    return report


def _read_schema(folder: str) -> schema_pb2.Schema:
    [name] = fileio.listdir(folder)
    return io_utils.parse_pbtxt_file(posixpath.join(folder, name), schema_pb2.Schema())


def _publish(output: types.Artifact, found: GateReport) -> None:
    errors, warnings = len(found.at("error")), len(found.at("warn"))
    output.set_int_custom_property("errors", errors)
    output.set_int_custom_property("warnings", warnings)
    output.set_int_custom_property("refused", int(found.refused))
    fileio.makedirs(output.uri)
    with fileio.open(posixpath.join(output.uri, FINDINGS_FILE), "w") as file:
        file.write(found.model_dump_json(indent=1))
    said = f"{found.images:,} images: {errors} errors, {warnings} warnings"
    report_progress("data-gate", done=1, total=1, final=True, note=said)
