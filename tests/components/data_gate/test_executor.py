from __future__ import annotations

from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.data_gate.anomalies import read_statistics
from tests.components.data_gate.artifacts import make_artifacts, read_report, run_gate
from tests.components.data_gate.world import Row, clean_rows, photo, row
from trainer import features
from trainer.errors import ExitCode, UserError


def test_clean_data_passes(tmp_path: Path):
    inputs = make_artifacts(tmp_path, clean_rows())
    report = run_gate(tmp_path, inputs)
    assert report.images == 48
    assert report.at("error") == ()
    for split in features.SPLITS:
        file = tmp_path / "anomalies" / f"Split-{split}" / "SchemaDiff.pb"
        assert not anomalies_pb2.Anomalies.FromString(file.read_bytes()).anomaly_info


def test_statistics_are_sliced_by_class_and_leave_the_image_bytes_alone(tmp_path: Path):
    make_artifacts(tmp_path, clean_rows())
    statistics = read_statistics(str(tmp_path / "statistics"), "train")
    assert statistics is not None
    names = {dataset.name for dataset in statistics.datasets}
    assert names == {"All Examples", "image/class/text_cat", "image/class/text_dog"}
    columns = {".".join(feature.path.step) for feature in statistics.datasets[0].features}
    assert features.IMAGE not in columns
    assert "stat/brightness" in columns


def test_dirt_is_refused_with_a_table_of_what_where_and_what_to_do(tmp_path: Path):
    rows = clean_rows()
    copy = rows[0].image
    leak = Row("test/cat/leak.jpg", "cat", "test", rows[0].encoded, copy)
    wrong = Row("train/dog/wrong.jpg", "dog", "train", rows[1].encoded, rows[1].image)
    inputs = make_artifacts(tmp_path, [*rows, leak, wrong, row(photo(7), "x.jpg", "cat")])
    with pytest.raises(UserError) as caught:
        run_gate(tmp_path, inputs)
    assert caught.value.code is ExitCode.DATA_REFUSED
    message = caught.value.message
    assert "same image in two splits: 1 of 33 images outside train" in message
    assert "train:train/cat/0.jpg = test:test/cat/leak.jpg" in message
    assert "same image under two labels: 2 of 51 images" in message
    assert "gate.policies.leakage" in message
    assert {f.kind for f in read_report(tmp_path).at("error")} == {"leakage", "label_conflicts"}
