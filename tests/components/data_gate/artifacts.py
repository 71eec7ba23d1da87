"""The artifacts around the gate, made by our StatisticsGen and TFX's SchemaGen, and the gate run on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tfx.components.schema_gen.executor import Executor as SchemaGen
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_artifacts

from components.data_gate.config import GateConfig
from components.data_gate.embedding import EmbeddingSource
from components.data_gate.executor import Executor
from components.data_gate.findings import FINDINGS_FILE, GateReport
from components.data_gate.statistics import Executor as StatisticsGen
from tests.components.data_gate.world import Row, write_examples
from trainer.features import SPLITS


def make_artifacts(
    root: Path, rows: Sequence[Row], embedding: EmbeddingSource | None = None
) -> dict[str, list]:
    """Inputs of the gate for these rows."""
    examples = artifact(standard_artifacts.Examples, root / "examples")
    write_examples(root / "examples", rows)
    examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
    statistics = artifact(standard_artifacts.ExampleStatistics, root / "statistics")
    beam = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--direct_num_workers=1"], tmp_dir=str(root / "tmp")
    )
    StatisticsGen(beam).Do(
        {"examples": [examples]},
        {"statistics": [statistics]},
        {
            "exclude_splits": "[]",
            "embedding": embedding.model_dump_json() if embedding else "",
        },
    )
    schema = artifact(standard_artifacts.Schema, root / "schema")
    (root / "schema").mkdir()
    SchemaGen().Do(
        {"statistics": [statistics]},
        {"schema": [schema]},
        {"infer_feature_shape": True, "exclude_splits": "[]"},
    )
    letters = artifact(standard_artifacts.ExternalArtifact, root / "dead_letters")
    (root / "dead_letters").mkdir()
    return {
        "examples": [examples],
        "statistics": [statistics],
        "schema": [schema],
        "dead_letters": [letters],
    }


def artifact(kind: type, path: Path):
    made = kind()
    made.uri = str(path)
    return made


def run_gate(
    root: Path,
    inputs: dict[str, list],
    config: GateConfig | None = None,
    registry: Path | None = None,
) -> GateReport:
    """Runs the executor; returns what it wrote."""
    anomalies = artifact(standard_artifacts.ExampleAnomalies, root / "anomalies")
    properties = {
        "registry": str(registry or root / "registry"),
        "name": "m",
        "code_version": "",
        "config": (config or GateConfig()).model_dump_json(),
    }
    Executor().Do(inputs, {"anomalies": [anomalies]}, properties)
    return read_report(root)


def read_report(root: Path) -> GateReport:
    return GateReport.model_validate_json((root / "anomalies" / FINDINGS_FILE).read_text())
