"""The rules between a trained model and the registry. Each reports what it measured, its limit and a verdict.

rules = judge(config, facts)
[rule.name for rule in rules if rule.verdict == "fail"]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from components.model_evaluator import advice, statistics
from components.model_evaluator.config import EvaluateConfig
from components.model_evaluator.probes import Probes
from components.model_evaluator.result import ClassFigures, Rule, Slice


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the rules look at.

    Attributes:
      examples: images in the split.
      right: those that the model answered rightly.
      overall, baseline: figures by name; `baseline` is empty where nothing is in service.
      per_class: figures by class.
      only_old, only_new: images by class that only the model in service, or only the new one, got right.
      slices: figures by slice.
      probes: what was measured on a sample with the exported files.
    """

    examples: int
    right: int
    overall: Mapping[str, float]
    baseline: Mapping[str, float]
    per_class: Mapping[str, ClassFigures]
    only_old: Mapping[str, int]
    only_new: Mapping[str, int]
    slices: tuple[Slice, ...]
    probes: Probes


_EXAMPLES_A_BIN = 10
Judge = Callable[[EvaluateConfig, Facts], Rule]


def judge(config: EvaluateConfig, facts: Facts) -> tuple[Rule, ...]:
    """Applies every rule, in a fixed order."""
    if not facts.examples:
        return (_rule("examples", 0, 1, False, "no images to test on"),)
    return tuple(rule(config, facts) for rule in _RULES)


def _beats_majority(config: EvaluateConfig, facts: Facts) -> Rule:
    majority = facts.overall["majority_share"]
    limit = None if config.min_gain is None else 1 - (1 - config.min_gain) * (1 - majority)
    bound = statistics.accuracy_lower_bound(facts.right, facts.examples, config.risk)
    detail = (
        f"accuracy that {facts.examples} test images prove (risk {config.risk:g}), "
        f"where always answering the commonest class gets {majority:.3f}"
    )
    return _at_least("beats-majority", bound, limit, detail)


def _accuracy(config: EvaluateConfig, facts: Facts) -> Rule:
    detail = f"share of {facts.examples} test images answered rightly"
    return _at_least("accuracy", facts.overall["accuracy"], config.min_accuracy, detail)


def _log_loss(config: EvaluateConfig, facts: Facts) -> Rule:
    detail = "mean log loss in nats"
    return _at_most("log-loss", facts.overall["log_loss"], config.max_log_loss, detail)


def _class_recall(config: EvaluateConfig, facts: Facts) -> Rule:
    recalls = {
        name: figures.recall
        for name, figures in facts.per_class.items()
        if figures.examples >= config.min_class_examples and figures.recall is not None
    }
    if not recalls:
        return _skipped("class-recall", config.min_class_recall, "no class has enough test images")
    worst = min(recalls, key=lambda name: recalls[name])
    return _at_least(
        "class-recall",
        recalls[worst],
        config.min_class_recall,
        f"lowest recall, of class {worst!r}",
    )


def _slice_accuracy(config: EvaluateConfig, facts: Facts) -> Rule:
    enough = [part for part in facts.slices if part.examples >= config.min_class_examples]
    if not enough:
        return _skipped("slice-accuracy", config.min_slice_accuracy, "no slice has enough images")
    worst = min(enough, key=lambda part: part.accuracy)
    detail = f"lowest accuracy, of {worst.feature} {worst.value!r}"
    return _at_least("slice-accuracy", worst.accuracy, config.min_slice_accuracy, detail)


def _calibration(config: EvaluateConfig, facts: Facts) -> Rule:
    enough = _EXAMPLES_A_BIN * config.calibration_bins
    if facts.examples < enough:
        # With few images a bin, a perfectly calibrated model measures badly by chance alone.
        detail = f"{facts.examples} test images are too few to tell ({enough} are not)"
        return _skipped("calibration", config.max_calibration_error, detail)
    detail = "expected distance between confidence and accuracy"
    return _at_most("calibration", facts.overall["ece"], config.max_calibration_error, detail)


def _not_worse(config: EvaluateConfig, facts: Facts) -> Rule:
    limit = config.risk if config.not_worse else None
    if not facts.baseline:
        return _skipped("not-worse", limit, "no model is in service")
    old, new = sum(facts.only_old.values()), sum(facts.only_new.values())
    chance = statistics.mcnemar_worse(old, new)
    detail = (
        f"chance that an equally good model does so badly: {old} images only the model in service got "
        f"right, {new} only this one"
    )
    return _at_least("not-worse", chance, limit, detail)


def _accuracy_drop(config: EvaluateConfig, facts: Facts) -> Rule:
    if not facts.baseline:
        return _skipped("accuracy-drop", config.max_accuracy_drop, "no model is in service")
    old, new = facts.baseline["accuracy"], facts.overall["accuracy"]
    return _at_most(
        "accuracy-drop",
        old - new,
        config.max_accuracy_drop,
        f"accuracy from {old:.4f} to {new:.4f}",
    )


def _class_drop(config: EvaluateConfig, facts: Facts) -> Rule:
    if not facts.baseline:
        return _skipped("class-drop", config.max_class_drop, "no model is in service")
    drops = {name: _drop(figures) for name, figures in facts.per_class.items() if figures.examples}
    floors = {name: config.class_floors.get(name, config.max_class_drop) for name in drops}
    risk = config.risk / max(len(drops), 1)
    for name in sorted(drops, key=lambda name: -drops[name]):
        floor = floors[name]
        chance = statistics.mcnemar_worse(facts.only_old[name], facts.only_new[name])
        if floor is None or drops[name] <= floor:
            continue
        if name in config.class_floors or chance < risk:
            return _rule("class-drop", drops[name], floor, False, f"recall of class {name!r} fell")
    worst = max(drops, key=lambda name: drops[name])
    detail = f"largest fall of recall, of class {worst!r}"
    return _rule("class-drop", drops[worst], floors[worst], True, detail)


def _formats(config: EvaluateConfig, facts: Facts) -> Rule:
    name, difference = max(facts.probes.differences.items(), key=lambda item: item[1])
    detail = f"largest difference in a probability, of {name}, on {facts.probes.images} images"
    return _at_most("formats-agree", difference, config.max_format_difference, detail)


def _int8(config: EvaluateConfig, facts: Facts) -> Rule:
    agreement = facts.probes.int8_agreement
    if agreement is None:
        return _skipped("int8-agrees", config.min_int8_agreement, "there is no 8-bit export")
    # On a few dozen images a share is off by chance: refuse only what lies below the limit for sure.
    limit, count = config.min_int8_agreement, facts.probes.images
    others = count - round(agreement * count)
    most = 1 - statistics.accuracy_lower_bound(others, count, config.risk)
    detail = (
        f"share of {count} images on which it names the same class; at most {most:.3f} for sure"
    )
    return _rule("int8-agrees", agreement, limit, limit is None or most >= limit, detail)


def _latency(config: EvaluateConfig, facts: Facts) -> Rule:
    return _at_most(
        "latency",
        facts.probes.median_ms,
        config.max_latency_ms,
        "median for one image, in milliseconds",
    )


_RULES: tuple[Judge, ...] = (
    _beats_majority,
    _accuracy,
    _log_loss,
    _class_recall,
    _slice_accuracy,
    _calibration,
    _not_worse,
    _accuracy_drop,
    _class_drop,
    _formats,
    _int8,
    _latency,
)


def _drop(figures: ClassFigures) -> float:
    return (figures.baseline_recall or 0.0) - (figures.recall or 0.0)


def _at_least(name: str, value: float, limit: float | None, detail: str) -> Rule:
    return _rule(name, value, limit, limit is None or value >= limit, detail)


def _at_most(name: str, value: float, limit: float | None, detail: str) -> Rule:
    return _rule(name, value, limit, limit is None or value <= limit, detail)


def _rule(name: str, value: float, limit: float | None, holds: bool, detail: str) -> Rule:
    verdict = "skipped" if limit is None else "pass" if holds else "fail"
    fix = advice.fix(name) if verdict == "fail" else ""
    return Rule(name=name, value=float(value), limit=limit, verdict=verdict, detail=detail, fix=fix)


def _skipped(name: str, limit: float | None, detail: str) -> Rule:
    return Rule(name=name, value=None, limit=limit, verdict="skipped", detail=detail)
