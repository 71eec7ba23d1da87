"""The pusher as TFX calls it: artifacts in, properties out."""

from __future__ import annotations

import json
import posixpath

import pytest
from tfx.types import standard_artifacts
from tfx.types.experimental import simple_artifacts

from components.model_pusher.config import PushConfig
from components.model_pusher.executor import Executor
from components.model_pusher.registry import Registry
from tests.components.model_pusher.fakes import make_model

RULES = [{"name": "accuracy", "value": 0.9, "limit": 0.8, "verdict": "pass"}]


def artifact(kind, folder):
    made = kind()
    made.uri = str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return made


@pytest.fixture
def inputs(tmp_path):
    examples = artifact(standard_artifacts.Examples, tmp_path / "examples")
    dataset = {"class_names": ["cat", "dog"], "counts": {"train": {"cat": 3}}, "data_version": "d7"}
    (tmp_path / "examples/dataset.json").write_text(json.dumps(dataset))
    evaluation = artifact(standard_artifacts.ModelEvaluation, tmp_path / "evaluation")
    metrics = {"overall": {"accuracy": 0.9}, "rules": RULES, "baseline_version": 0}
    (tmp_path / "evaluation/metrics.json").write_text(json.dumps(metrics))
    schema = artifact(standard_artifacts.Schema, tmp_path / "schema")
    (tmp_path / "schema/schema.pbtxt").write_text("feature {}")
    statistics = artifact(standard_artifacts.ExampleStatistics, tmp_path / "statistics")
    (tmp_path / "statistics/Split-train").mkdir()
    (tmp_path / "statistics/Split-train/FeatureStats.pb").write_bytes(b"stats")
    model = artifact(standard_artifacts.Model, tmp_path / "model")
    model.id = 41
    make_model(tmp_path / "model" / "Format-Serving", "a")
    blessing = artifact(standard_artifacts.ModelBlessing, tmp_path / "blessing")
    blessing.set_int_custom_property("blessed", 1)
    named = {
        "examples": examples,
        "evaluation": evaluation,
        "schema": schema,
        "statistics": statistics,
        "model": model,
        "blessing": blessing,
    }
    named["_retrain-check.decision"] = artifact(simple_artifacts.File, tmp_path / "decision")
    named["_retrain-check.decision"].id = 7
    return {key: [value] for key, value in named.items()}


def push(inputs, tmp_path, **config):
    output = artifact(standard_artifacts.PushedModel, tmp_path / "pushed")
    properties = {
        "registry": str(tmp_path / "registry"),
        "name": "pets",
        "code_version": "c1",
        "run_version": "r1",
        "run_config": json.dumps({"name": "pets", "train": {"epochs": 3}}),
        "config": PushConfig(**config).model_dump_json(),
    }
    Executor().Do(inputs, {"pushed_model": [output]}, properties)
    facts = json.loads((tmp_path / "pushed/pushed.json").read_text())
    return output, facts, Registry(str(tmp_path / "registry"), "pets")


def test_a_blessed_model_is_pushed_with_everything_known_about_it(inputs, tmp_path):
    output, facts, registry = push(inputs, tmp_path)
    assert output.get_int_custom_property("pushed") == 1
    assert output.get_string_custom_property("version") == "1"
    version = registry.in_service()
    assert facts["path"] == version.path
    assert version.read_text("labels.txt") == "cat\ndog\n"
    assert version.read_text("schema.pbtxt") == "feature {}"
    assert version.read_bytes("statistics/Split-train/FeatureStats.pb") == b"stats"
    assert version.read_json("config.json")["train"] == {"epochs": 3}
    lineage = version.read_json("lineage.json")
    assert lineage == {
        "data_version": "d7",
        "run_version": "r1",
        "code_version": "c1",
        "model_artifact_id": "41",
    }
    card = version.read_text("model_card.md")
    assert version.has("model_card.html")
    for line in ("# pets", "| cat | 3 |", "| accuracy | 0.9 | 0.8 | pass |", "| epochs | 3 |"):
        assert line in card


def test_an_unblessed_model_is_not_pushed(inputs, tmp_path):
    inputs["blessing"][0].set_int_custom_property("blessed", 0)
    output, facts, registry = push(inputs, tmp_path)
    assert output.get_int_custom_property("pushed") == 0
    assert "did not bless" in facts["reason"]
    assert registry.versions() == ()


@pytest.mark.parametrize("blessed", [0, 1])
def test_the_validators_verdict_counts_where_it_is_given(inputs, tmp_path, blessed):
    verdict = artifact(standard_artifacts.InfraBlessing, tmp_path / "infra")
    verdict.set_int_custom_property("blessed", blessed)
    inputs["infra_blessing"] = [verdict]
    _, _, registry = push(inputs, tmp_path)
    assert len(registry.versions()) == blessed


def test_a_retried_push_is_the_same_version(inputs, tmp_path):
    push(inputs, tmp_path)
    _, facts, registry = push(inputs, tmp_path)
    assert facts["version"] == "1"
    assert "already" in facts["reason"]
    assert len(registry.versions()) == 1


def test_keep_prunes_after_the_push(inputs, tmp_path):
    for number in range(4):
        uri = posixpath.join(inputs["model"][0].uri, "Format-Serving", "saved_model.pb")
        with open(uri, "w") as file:
            file.write(str(number))
        _, _, registry = push(inputs, tmp_path, keep=1, check_baseline=False)
    assert [version.number for version in registry.versions()] == [3, 4]


def test_a_push_compared_with_another_baseline_does_not_take_over(inputs, tmp_path):
    Registry(str(tmp_path / "registry"), "pets").push(make_model(tmp_path / "other", "b"), {})
    _, facts, registry = push(inputs, tmp_path)
    assert facts["version"] == "2"
    assert "compared with no other version" in facts["reason"]
    assert registry.in_service().number == 1
