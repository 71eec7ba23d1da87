from __future__ import annotations

import pytest

from components.model_evaluator.probes import first_records, probe
from tests.components.tiny_model import COLOURS, export_model, serialized_example, write_examples

SAMPLE = [serialized_example(name, 5) for name in COLOURS]


def test_all_exported_files_are_compared(tmp_path):
    probes = probe(export_model(tmp_path / "model", formats=True), SAMPLE)
    assert set(probes.differences) == {
        "serving_default",
        "serving_default one by one",
        "model.keras",
        "model.tflite",
    }
    assert max(probes.differences.values()) < 1e-4
    assert probes.int8_agreement == 1.0
    assert 0 < probes.median_ms <= probes.p95_ms


def test_a_file_of_another_model_is_seen(tmp_path):
    import shutil

    model = export_model(tmp_path / "model")
    turned = {"red": "green", "green": "blue", "blue": "red"}
    export_model(tmp_path / "other", answers=turned, formats=True)
    for name in ("model.tflite", "model_int8.tflite"):
        shutil.copy(tmp_path / "other/assets.extra" / name, tmp_path / "model/assets.extra" / name)
    probes = probe(model, SAMPLE)
    assert probes.differences["model.tflite"] > 0.9
    assert probes.int8_agreement == 0.0


@pytest.mark.parametrize(("count", "found"), [(4, 4), (100, 6)])
def test_first_records_are_as_many_as_there_are(tmp_path, count, found):
    write_examples(tmp_path / "examples", per_class=2)
    pattern = str(tmp_path / "examples" / "Split-test" / "*")
    assert len(first_records(pattern, count)) == found
