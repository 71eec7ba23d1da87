from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from components.differences import flat
from components.model_evaluator import advice
from components.model_evaluator.config import EvaluateConfig
from components.model_evaluator.probes import Probes
from components.model_evaluator.result import ClassFigures, Slice
from components.model_evaluator.rules import Facts, judge
from components.model_evaluator.scoring import (
    BASELINE,
    CANDIDATE,
    Row,
    read_facts,
    reorder,
    slice_values,
)
from components.model_evaluator.tally import TallyFn
from pipeline.config import Config
from tests.components.tiny_model import serialized_example


def figures(recall: float, baseline: float | None = None, examples: int = 100) -> ClassFigures:
    return ClassFigures(
        examples=examples,
        precision=recall,
        recall=recall,
        f1=recall,
        auc=0.9,
        baseline_recall=baseline,
    )


GOOD = Facts(
    examples=200,
    right=180,
    overall={"accuracy": 0.9, "log_loss": 0.3, "ece": 0.05, "majority_share": 0.5},
    baseline={"accuracy": 0.89},
    per_class={"cat": figures(0.9, 0.89), "dog": figures(0.9, 0.89)},
    only_old={"cat": 4, "dog": 4},
    only_new={"cat": 5, "dog": 5},
    slices=(
        Slice(
            feature="size",
            value="small",
            examples=50,
            accuracy=0.7,
            log_loss=0.9,
            baseline_accuracy=0.7,
        ),
    ),
    probes=Probes(32, {"serving_default": 0.0}, None, 12.0, 15.0),
)


def failed(facts: Facts = GOOD, **settings) -> list[str]:
    rules = judge(EvaluateConfig(**settings), facts)
    return [rule.name for rule in rules if rule.verdict == "fail"]


def changed(**changes) -> Facts:
    return dataclasses.replace(GOOD, **changes)


def test_a_good_model_passes_and_every_rule_reports_value_limit_and_verdict():
    rules = judge(EvaluateConfig(min_accuracy=0.8, max_log_loss=1, min_slice_accuracy=0.5), GOOD)
    assert {rule.verdict for rule in rules if rule.name != "int8-agrees"} == {"pass"}
    assert len({rule.name for rule in rules}) == len(rules) == 12
    assert all(
        rule.value is not None and rule.limit is not None
        for rule in rules
        if rule.verdict == "pass"
    )
    assert all(rule.detail for rule in rules)


@pytest.mark.parametrize(
    ("rule", "facts", "settings"),
    [
        ("beats-majority", changed(right=110), {}),
        ("accuracy", GOOD, {"min_accuracy": 0.95}),
        ("log-loss", GOOD, {"max_log_loss": 0.2}),
        ("class-recall", GOOD, {"min_class_recall": 0.91}),
        ("slice-accuracy", GOOD, {"min_slice_accuracy": 0.8}),
        ("calibration", GOOD, {"max_calibration_error": 0.04}),
        ("not-worse", changed(only_old={"cat": 9, "dog": 9}, only_new={"cat": 1, "dog": 1}), {}),
        ("accuracy-drop", changed(baseline={"accuracy": 0.93}), {}),
        ("formats-agree", changed(probes=Probes(8, {"x": 0.1}, None, 1, 1)), {}),
        ("int8-agrees", changed(probes=Probes(8, {"x": 0.0}, 0.5, 1, 1)), {}),
        ("latency", GOOD, {"max_latency_ms": 10}),
    ],
)
def test_each_rule_refuses_alone(rule, facts, settings):
    assert failed(facts, **settings) == [rule]


def test_what_failed_says_what_to_do():
    rules = judge(EvaluateConfig(max_latency_ms=1), GOOD)
    assert {rule.name for rule in rules if rule.fix} == {"latency"}


def test_what_to_do_names_rules_and_settings_that_there_are():
    assert set(advice.FIXES) < {"examples", *(rule.name for rule in judge(EvaluateConfig(), GOOD))}
    settings = set(flat(Config(name="m", data={"root": "photos"}).model_dump()))
    for text in (advice.OTHERWISE, *advice.FIXES.values()):
        for key in re.findall(r"`([\w.]+)", text):
            assert any(one == key or one.startswith(f"{key}.") for one in settings), key


def test_calibration_is_not_judged_on_too_few_images():
    strict = EvaluateConfig(max_calibration_error=0.0, calibration_bins=GOOD.examples // 10 + 1)
    [rule] = [rule for rule in judge(strict, GOOD) if rule.name == "calibration"]
    assert rule.verdict == "skipped"
    assert f"{GOOD.examples} test images are too few" in rule.detail


@pytest.mark.parametrize(("agreeing", "verdict"), [(28, "pass"), (24, "fail")])
def test_an_8_bit_file_is_refused_only_when_it_disagrees_beyond_chance(agreeing, verdict):
    facts = changed(probes=Probes(32, {"x": 0.0}, agreeing / 32, 1, 1))
    [rule] = [rule for rule in judge(EvaluateConfig(), facts) if rule.name == "int8-agrees"]
    assert (rule.value, rule.limit, rule.verdict) == (agreeing / 32, 0.9, verdict)


def test_a_class_falls_only_when_far_and_not_by_accident():
    fallen = {"cat": figures(0.7, 0.9), "dog": figures(1.0, 0.8)}
    losses = {"only_old": {"cat": 22, "dog": 1}, "only_new": {"cat": 2, "dog": 21}}
    assert failed(changed(per_class=fallen, **losses)) == ["class-drop"]
    few = {"only_old": {"cat": 2, "dog": 0}, "only_new": {"cat": 0, "dog": 2}}
    assert failed(changed(per_class=fallen, **few)) == []
    slight = {"cat": figures(0.85, 0.9), "dog": figures(1.0, 0.8)}
    assert failed(changed(per_class=slight, **losses)) == []


def test_a_floor_of_its_own_counts_untested():
    slight = {"cat": figures(0.85, 0.9), "dog": figures(0.95, 0.9)}
    assert failed(changed(per_class=slight), class_floors={"cat": 0.02}) == ["class-drop"]
    assert failed(changed(per_class=slight), class_floors={"dog": 0.02}) == []


def test_a_class_of_few_images_does_not_count_for_the_lowest_recall():
    classes = {**GOOD.per_class, "rare": figures(0.0, 0.0, examples=3)}
    rare = {"only_old": {**GOOD.only_old, "rare": 0}, "only_new": {**GOOD.only_new, "rare": 0}}
    facts = changed(per_class=classes, **rare)
    assert failed(facts) == []
    assert failed(facts, min_class_examples=3) == ["class-recall"]


def test_without_a_model_in_service_or_a_limit_rules_are_skipped():
    rules = judge(EvaluateConfig(max_latency_ms=None), changed(baseline={}))
    skipped = {rule.name for rule in rules if rule.verdict == "skipped"}
    assert {"not-worse", "accuracy-drop", "class-drop", "latency", "accuracy"} <= skipped


def test_tallies_add_up_in_any_order():
    combine = TallyFn(classes=3, bins=10, models=(CANDIDATE, BASELINE))
    draw = np.random.default_rng(0)

    def row(label: int) -> Row:
        scores = {
            name: draw.dirichlet(np.ones(3)).astype(np.float32) for name in (CANDIDATE, BASELINE)
        }
        return Row("", label, scores, {"class": str(label)})

    rows = [row(i % 3) for i in range(60)]
    whole, parts = combine.create_accumulator(), [combine.create_accumulator() for _ in range(4)]
    for index, one in enumerate(rows):
        whole = combine.add_input(whole, one)
        parts[index % 4] = combine.add_input(parts[index % 4], one)
    merged = combine.merge_accumulators(parts[::-1])
    for field in dataclasses.fields(whole.models[CANDIDATE]):
        one, other = (getattr(tally.models[CANDIDATE], field.name) for tally in (whole, merged))
        np.testing.assert_allclose(one, other)
    right = {
        name: np.array([np.argmax(r.probabilities[name]) == r.label for r in rows])
        for name in (CANDIDATE, BASELINE)
    }
    assert merged.only_candidate.sum() == (right[CANDIDATE] & ~right[BASELINE]).sum()
    assert merged.only_baseline.sum() == (~right[CANDIDATE] & right[BASELINE]).sum()
    assert merged.models[CANDIDATE].confusion.trace() == right[CANDIDATE].sum()
    assert merged.models[CANDIDATE].scores_own.sum() == 60
    assert merged.models[CANDIDATE].scores_other.sum() == 120


def test_classes_that_a_model_does_not_know_get_nothing():
    result = reorder(np.array([[0.3, 0.7]], np.float32), ("dog", "cat"), ("cat", "cow", "dog"))
    np.testing.assert_allclose(result, [[0.7, 0.0, 0.3]])


def test_slices_come_from_class_measures_and_columns():
    facts = read_facts(serialized_example("red", 3, column="harbour"))
    facts["stat/megapixels"] = 3.0
    slices = ("class", "brightness", "size", "column/site", "column/absent")
    assert slice_values(facts, slices) == {
        "class": "red",
        "brightness": "dark",
        "size": "large",
        "column/site": "harbour",
    }
