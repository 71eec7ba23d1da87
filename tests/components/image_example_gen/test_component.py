"""The component by itself under TFX's own local runner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.components.image_example_gen.images import make_classes


@pytest.mark.e2e
def test_the_local_runner_ingests_once_and_reuses_the_examples(tmp_path: Path) -> None:
    from ml_metadata.proto import metadata_store_pb2 as mlmd
    from tfx.orchestration import metadata
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.orchestration.pipeline import Pipeline

    from components.image_example_gen.component import ImageExampleGen
    from components.image_example_gen.config import IngestConfig

    root = make_classes(tmp_path / "photos", {"a": 20, "b": 20})
    (root / "a" / "broken.jpg").write_bytes(b"junk")
    connection = metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))
    for _ in range(2):
        ingest = ImageExampleGen(
            data_root=str(root), data_version="1", config=IngestConfig(max_corrupt_share=0.1)
        ).with_id("image-example-gen")
        pipeline = Pipeline(
            "ingest",
            str(tmp_path / "root"),
            components=[ingest],
            enable_cache=True,
            metadata_connection_config=connection,
            beam_pipeline_args=["--runner=FnApiRunner"],
        )
        LocalDagRunner().run(pipeline)
    with metadata.Metadata(connection) as handle:
        states = [run.last_known_state for run in handle.store.get_executions()]
        [examples] = handle.store.get_artifacts_by_type("Examples")
        [letters] = handle.store.get_artifacts_by_type("File")
    assert sorted(states) == [mlmd.Execution.COMPLETE, mlmd.Execution.CACHED]
    assert json.loads(examples.properties["split_names"].string_value) == ["train", "val", "test"]
    assert examples.custom_properties["images"].int_value == 40
    assert letters.custom_properties["dead_letters"].int_value == 1
    assert list(Path(examples.uri).glob("Split-train/*.gz"))
