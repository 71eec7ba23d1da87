from __future__ import annotations

import json

import pytest

from components.model_validator.checks import run_checks
from components.model_validator.config import ValidateConfig
from components.model_validator.executor import validate
from tests.components.tiny_model import colour_image, encode, export_model


class FakeServer:
    """Answers well, except where told not to."""

    name = "m"

    def __init__(self, *, probabilities=(0.25, 0.75), broken_status=422, drift=0.0, memory=100.0):
        self._probabilities = list(probabilities)
        self._broken_status = broken_status
        self._drift = drift
        self._memory = memory

    def post(self, path, body):
        if path == "/predict":
            if body.startswith(b"\xff\xd8\xff\xe0 begins"):
                return self._broken_status, {"error": "no"} if self._broken_status >= 400 else {}
            answers = [
                {"class": str(i), "probability": p} for i, p in enumerate(self._probabilities)
            ]
            return 200, {**answers[0], "answers": answers}
        rows = len(json.loads(body)["instances"])
        shift = self._drift * (rows > 1)
        row = [self._probabilities[0] + shift, self._probabilities[1] - shift]
        return 200, {"predictions": [{"probabilities": row}] * rows}

    def memory_mb(self):
        return self._memory


def failed(server, **config):
    return [c.name for c in run_checks(server, [], ValidateConfig(**config)) if not c.passed]


def test_good_answers_pass():
    assert failed(FakeServer()) == []


@pytest.mark.parametrize("bad", [(0.5, 0.6), (float("nan"), 1.0), (-0.5, 1.5)])
def test_what_is_not_a_probability_fails(bad):
    assert "raw-jpeg" in failed(FakeServer(probabilities=bad))


def test_each_fault_is_named():
    assert failed(FakeServer(drift=0.01)) == ["mixed-batch"]
    assert failed(FakeServer(broken_status=500)) == ["broken-image"]
    assert failed(FakeServer(broken_status=200)) == ["broken-image"]
    assert failed(FakeServer(memory=2000.0), max_memory_mb=1000) == ["memory"]


def test_a_real_model_in_a_fresh_process_passes(tmp_path):
    model = export_model(tmp_path / "model")
    photos = [encode(colour_image("red", 1), "JPEG")]
    checks = validate(model, photos, ValidateConfig())
    assert [check.name for check in checks if not check.passed] == []
    assert {check.name for check in checks} == {
        "starts",
        "raw-jpeg",
        "raw-png",
        "test-photos",
        "mixed-batch",
        "broken-image",
        "still-answers",
        "memory",
    }


def test_a_damaged_model_does_not_start_and_says_why(tmp_path):
    model = export_model(tmp_path / "model")
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"rot")
    [check] = validate(model, [], ValidateConfig(start_seconds=120))
    assert (check.name, check.passed) == ("starts", False)
    assert "ended with 1" in check.detail
