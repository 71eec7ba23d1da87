"""The evaluator on a real exported model, real TFRecords, real TFMA."""

from __future__ import annotations

import json

import apache_beam as beam
import pytest
import tensorflow_model_analysis as tfma

from components.model_evaluator.config import EvaluateConfig
from components.model_evaluator.evaluate import Request, check_slices, evaluate
from components.model_pusher.registry import Registry
from tests.components.tiny_model import COLOURS, export_model, write_examples
from trainer.errors import UserError


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    dataset = write_examples(folder / "examples", per_class=20)
    good = export_model(folder / "good")
    Registry(str(folder / "registry"), "colours").push(good, {})
    return folder, dataset


def make_pipeline() -> beam.Pipeline:
    return beam.Pipeline(argv=["--runner=FnApiRunner"])


def run(place, model: str, name: str, *, compare: bool = True, **settings):
    folder, dataset = place
    registry = Registry(str(folder / "registry"), "colours")
    request = Request(
        model=model,
        pattern=str(folder / "examples" / "Split-test" / "*"),
        dataset=dataset,
        in_service=registry.in_service() if compare else None,
        output=str(folder / f"evaluation-{name}"),
        config=EvaluateConfig(slice_by=("class", "column/site"), **settings),
    )
    return evaluate(request, make_pipeline)


def failed(result) -> list[str]:
    return [rule.name for rule in result.rules if rule.verdict == "fail"]


def test_a_good_first_model_is_blessed_with_its_figures(place):
    folder, _ = place
    result = run(place, str(folder / "good"), "first", compare=False)
    assert failed(result) == []
    assert result.blessed
    assert result.examples == 60
    assert result.baseline_version == 0
    assert result.overall["accuracy"] == 1.0
    assert result.overall["top_3_accuracy"] == 1.0
    assert result.overall["macro_auc"] == pytest.approx(1.0)
    assert result.overall["majority_share"] == pytest.approx(1 / 3)
    assert result.confusion == ((20, 0, 0), (0, 20, 0), (0, 0, 20))
    assert {(s.feature, s.value): s.examples for s in result.slices} == {
        **{("class", name): 20 for name in COLOURS},
        ("column/site", "north"): 30,
        ("column/site", "south"): 30,
    }
    verdicts = {rule.name: rule.verdict for rule in result.rules}
    assert verdicts["not-worse"] == verdicts["class-drop"] == "skipped"
    assert verdicts["formats-agree"] == verdicts["latency"] == "pass"
    lines = (folder / "evaluation-first").glob("predictions-*.jsonl")
    rows = [json.loads(line) for file in lines for line in file.read_text().splitlines()]
    assert len({row["path"] for row in rows}) == 60
    assert not list((folder / "evaluation-first").glob("tally*"))
    assert len(tfma.load_eval_result(str(folder / "evaluation-first")).slicing_metrics) == 6


@pytest.mark.e2e
def test_an_equally_good_model_passes_every_rule_against_the_one_in_service(place):
    folder, _ = place
    result = run(place, export_model(folder / "as-good", scale=25.0), "as-good", max_slices=1)
    assert failed(result) == []
    assert result.per_class["red"].baseline_recall == 1.0
    assert [(s.feature, s.value) for s in result.slices] == [
        ("class", "red"),
        ("column/site", "south"),
    ]
    assert result.notes[1] == (
        "column/site has 2 values among the test images; figures are given for the 1 commonest "
        "(evaluate.max_slices)"
    )


def test_a_column_that_no_image_has_is_named_with_the_one_that_was_meant(place):
    folder, dataset = place
    request = Request(
        model="unused",
        pattern=str(folder / "examples" / "Split-test" / "*"),
        dataset=dataset,
        in_service=None,
        output="unused",
        config=EvaluateConfig(slice_by=("class", "column/sight")),
    )
    with pytest.raises(UserError, match=r"column 'sight'.*did you mean 'site'"):
        check_slices(request, {"class": (3, COLOURS)})


@pytest.mark.parametrize("name", ["clas", "site", "column/"])
def test_a_slice_that_is_none_is_refused_with_the_settings(name):
    with pytest.raises(ValueError, match=f"got '{name}' .did you mean"):
        EvaluateConfig(slice_by=(name,))


def test_an_empty_test_split_blesses_nothing_and_says_so(place, tmp_path):
    _, dataset = place
    empty = dataset.model_copy(update={"counts": {"test": {}}})
    request = Request("unused", "unused", empty, None, str(tmp_path), EvaluateConfig())
    result = evaluate(request, make_pipeline)
    assert not result.blessed
    assert [rule.name for rule in result.rules] == ["examples"]
