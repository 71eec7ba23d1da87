"""The gate on artifacts that TFX's own StatisticsGen and SchemaGen made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.types import standard_artifacts

from components.data_gate.anomalies import ANOMALIES_FILE, read_all_statistics
from components.data_gate.config import GateConfig
from components.data_gate.schema_store import SchemaStore
from components.image_example_gen.dead_letter import DEAD_LETTERS_FILE, DeadLetter
from components.model_pusher.registry import Registry
from tests.components.data_gate.artifacts import artifact, read_report, run_gate
from tests.components.data_gate.world import Row, clean_rows, photo, row, write_examples
from trainer import features
from trainer.errors import ExitCode, UserError


def _with_rows(inputs: dict, root: Path, rows: list[Row]) -> dict:
    """The same artifacts with other examples."""
    write_examples(root / "examples", rows)
    return {**inputs, "examples": [artifact(standard_artifacts.Examples, root / "examples")]}


def _serve(registry: Path, statistics: Path, class_names: tuple[str, ...]) -> None:
    """Pushes a model that was made from these statistics."""
    model = registry.parent / "model"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"model")
    record = {
        f"statistics/{path.relative_to(statistics)}": path.read_bytes()
        for path in statistics.rglob("*.pb")
    }
    info = features.DatasetInfo(
        class_names=class_names, counts={}, data_version="v", stored_size=72
    )
    record[features.DATASET_FILE] = info.model_dump_json().encode()
    Registry(str(registry), "m").push(str(model), record)


def test_clean_data_passes(clean, tmp_path: Path):
    _, inputs = clean
    report = run_gate(tmp_path, inputs)
    assert report.images == 48
    assert report.findings == ()
    assert [(summary.name, summary.images) for summary in report.classes] == [
        ("cat", 24),
        ("dog", 24),
    ]
    assert report.classes[0].medians["aspect_ratio"] == 1.333
    for split in features.SPLITS:
        file = tmp_path / "anomalies" / f"Split-{split}" / ANOMALIES_FILE
        assert not anomalies_pb2.Anomalies.FromString(file.read_bytes()).anomaly_info


def test_statistics_are_sliced_by_class_and_leave_the_image_bytes_alone(clean):
    root, _ = clean
    statistics = read_all_statistics(str(root / "statistics"))["train"]
    names = {dataset.name for dataset in statistics.datasets}
    assert names == {"All Examples", "image/class/text_cat", "image/class/text_dog"}
    columns = {".".join(feature.path.step) for feature in statistics.datasets[0].features}
    assert columns >= {"stat/brightness", "column/iso", "column/camera"}
    assert not columns & {features.IMAGE, features.THUMBNAIL, features.PERCEPTUAL_HASH}


def test_dirt_is_refused_with_a_table_of_what_where_and_what_to_do(clean, tmp_path: Path):
    rows = clean_rows()
    leak = Row("test/cat/leak.jpg", "cat", "test", rows[0].encoded, rows[0].image)
    wrong = Row("train/dog/wrong.jpg", "dog", "train", rows[1].encoded, rows[1].image)
    inputs = _with_rows(clean[1], tmp_path, [*rows, leak, wrong, row(photo(7), "x.jpg", "cat")])
    with pytest.raises(UserError) as caught:
        run_gate(tmp_path, inputs)
    assert caught.value.code is ExitCode.DATA_REFUSED
    message = caught.value.message
    assert "same image in two splits: 1 of 33 images outside train" in message
    assert "train/cat/0.jpg = test/cat/leak.jpg" in message
    assert "same image under two labels: 2 of 51 images" in message
    assert "gate.policies.leakage" in message
    assert {f.kind for f in read_report(tmp_path).at("error")} == {"leakage", "label_conflicts"}


def test_a_relaxed_policy_lets_the_same_data_pass(clean, tmp_path: Path):
    rows = clean_rows()
    leak = Row("test/cat/leak.jpg", "cat", "test", rows[0].encoded, rows[0].image)
    config = GateConfig.model_validate({"policies": {"leakage": {"error": 1}}})
    report = run_gate(tmp_path, _with_rows(clean[1], tmp_path, [*rows, leak]), config)
    assert [(f.kind, f.level, f.limit) for f in report.findings] == [
        ("leakage", "warn", "1"),
        ("exact_duplicates", "warn", "none"),
    ]


def test_dead_letters_are_reported(clean, tmp_path: Path):
    letter = DeadLetter("cat/9.jpg", "empty_file", "the file has no bytes", "cat")
    (tmp_path / DEAD_LETTERS_FILE).write_text(letter.to_json() + "\n")
    inputs = {**clean[1], "dead_letters": [artifact(standard_artifacts.ExternalArtifact, tmp_path)]}
    [finding] = run_gate(tmp_path, inputs).findings
    assert (finding.kind, finding.count, finding.total) == ("unreadable_files", 1, 49)


def test_first_run_files_the_schema_and_a_later_run_must_fit(clean, tmp_path: Path):
    run_gate(tmp_path, clean[1])
    store = SchemaStore(str(tmp_path / "registry"), "m")
    accepted = store.accepted()
    assert accepted is not None
    assert accepted.number == 1
    # A person narrows the schema by hand: that file is the truth from then on.
    text = Path(accepted.path).read_text()
    schema = text_format.Parse(text, schema_pb2.Schema())
    brightness = next(f for f in schema.feature if f.name == "stat/brightness")
    brightness.float_domain.max = 1
    Path(accepted.path).write_text(text_format.MessageToString(schema))
    with pytest.raises(UserError, match=r"stat/brightness: .*Out-of-range values"):
        run_gate(tmp_path, clean[1])
    proposed = store.proposed()
    assert proposed is not None
    store.accept(proposed)
    assert run_gate(tmp_path, clean[1]).findings == ()
    assert store.numbers() == [1, 2]
    assert store.proposed() is None


def test_data_that_is_refused_binds_no_later_data(clean, tmp_path: Path):
    rows = clean_rows()
    wrong = Row("train/dog/wrong.jpg", "dog", "train", rows[1].encoded, rows[1].image)
    with pytest.raises(UserError, match="same image under two labels"):
        run_gate(tmp_path, _with_rows(clean[1], tmp_path, [*rows, wrong]))
    store = SchemaStore(str(tmp_path / "registry"), "m")
    assert store.accepted() is None
    assert store.proposed() is not None
    run_gate(tmp_path, clean[1])
    assert store.numbers() == [1]
    assert store.proposed() is None


def test_classes_are_compared_with_the_model_in_service(clean, tmp_path: Path):
    _serve(tmp_path / "registry", clean[0] / "statistics", ("cat", "cow"))
    with pytest.raises(UserError, match="classes of the model in service that are gone: 1 of 2"):
        run_gate(tmp_path, clean[1])
    report = read_report(tmp_path)
    assert {f.kind: [item.subject for item in f.items] for f in report.findings} == {
        "vanished_class": ["cow"],
        "new_class": ["dog"],
    }


def test_equal_data_has_not_drifted(clean, tmp_path: Path):
    shutil.copytree(clean[0] / "statistics", tmp_path / "statistics")
    _serve(tmp_path / "registry", tmp_path / "statistics", ("cat", "dog"))
    assert run_gate(tmp_path, clean[1]).findings == ()
