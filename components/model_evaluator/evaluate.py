"""One evaluation from start to end: score, count, compare with the model in service, judge.

result = evaluate(Request(...), make_pipeline)
result.blessed
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from components.model_evaluator import analysis, figures, slices
from components.model_evaluator.config import EvaluateConfig
from components.model_evaluator.probes import Probes, first_records, probe
from components.model_evaluator.result import EvaluationResult
from components.model_evaluator.rules import Facts, judge
from components.model_evaluator.scoring import BASELINE, CANDIDATE, ModelRef, read_facts
from components.model_evaluator.slice_names import BUILT_IN, check_columns
from components.model_evaluator.tally import ModelTally, Tally
from components.model_pusher.version import Version
from trainer.features import COLUMN_PREFIX, DatasetInfo
from trainer.model_info import read_model_info
from trainer.progress import report

SPLIT = "test"


@dataclasses.dataclass(frozen=True)
class Request:
    """What to evaluate.

    Attributes:
      model: the exported SavedModel's folder.
      pattern: file pattern of the test split.
      dataset: what the examples hold.
      in_service: the version to compare with, or None.
      output: folder for TFMA's files.
      config: the rules.
    """

    model: str
    pattern: str
    dataset: DatasetInfo
    in_service: Version | None
    output: str
    config: EvaluateConfig


def evaluate(request: Request, make_pipeline: Callable[[], Any]) -> EvaluationResult:
    """Evaluates and judges; an empty split is judged without being scored."""
    if not request.dataset.split_size(SPLIT):
        return _nothing(request)
    job = _job(request)
    with make_pipeline() as pipeline:
        analysis.build(pipeline, job)
    tally, found = analysis.take_tally(job), analysis.take_slices(job)
    check_slices(request, found)
    sliced = {model.name: analysis.read_slices(job, model.name) for model in job.models}
    report("model-evaluator", done=request.dataset.split_size(SPLIT), unit="images scored")
    probes = probe(request.model, first_records(request.pattern, request.config.sample))
    result = _result(request, job, tally, sliced, probes)
    return result.model_copy(update={"notes": slices.notes(found)})


def check_slices(request: Request, found: Mapping[str, slices.Found]) -> None:
    """Refuses a column to slice by that no image has a value for. Raises: UserError."""
    missing = [name for name in request.config.slice_by if name not in (*found, *BUILT_IN)]
    if missing:
        [first] = first_records(request.pattern, 1)
        known = [name for name in read_facts(first) if name.startswith(COLUMN_PREFIX)]
        check_columns(missing, [name.removeprefix(COLUMN_PREFIX) for name in known])


def _job(request: Request) -> analysis.Job:
    candidate = ModelRef(CANDIDATE, request.model, read_model_info(request.model).class_names)
    models = [candidate]
    if request.in_service is not None:
        path = request.in_service.local_path()
        models.append(ModelRef(BASELINE, path, read_model_info(path).class_names))
    known = {name for model in models for name in model.class_names}
    return analysis.Job(
        pattern=request.pattern,
        output=request.output,
        models=tuple(models),
        class_names=tuple(sorted(known | set(request.dataset.class_names))),
        slice_by=request.config.slice_by,
        max_slices=request.config.max_slices,
        batch_size=request.config.batch_size,
        top_k=request.config.top_k,
        bins=request.config.calibration_bins,
    )


def _result(
    request: Request,
    job: analysis.Job,
    tally: Tally,
    sliced: dict[str, dict[analysis.SliceKey, dict[str, float]]],
    probes: Probes,
) -> EvaluationResult:
    overall = figures.overall_figures(tally.models[CANDIDATE], sliced[CANDIDATE][()])
    overall |= {"latency_median_ms": probes.median_ms, "latency_p95_ms": probes.p95_ms}
    old: ModelTally | None = tally.models.get(BASELINE)
    baseline = figures.overall_figures(old, sliced[BASELINE][()]) if old else {}
    confusion = tally.models[CANDIDATE].confusion
    facts = Facts(
        examples=int(confusion.sum()),
        right=int(confusion.trace()),
        overall=overall,
        baseline=baseline,
        per_class=figures.class_figures(tally.models[CANDIDATE], job.class_names, old),
        only_old=dict(zip(job.class_names, tally.only_baseline.tolist(), strict=True)),
        only_new=dict(zip(job.class_names, tally.only_candidate.tolist(), strict=True)),
        slices=figures.slice_figures(sliced[CANDIDATE], sliced.get(BASELINE, {})),
        probes=probes,
    )
    return EvaluationResult(
        split=SPLIT,
        examples=facts.examples,
        baseline_version=request.in_service.number if request.in_service else 0,
        class_names=job.class_names,
        overall=overall,
        baseline=baseline,
        per_class=dict(facts.per_class),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        reliability=figures.reliability(tally.models[CANDIDATE]),
        slices=facts.slices,
        rules=judge(request.config, facts),
    )


def _nothing(request: Request) -> EvaluationResult:
    facts = Facts(0, 0, {}, {}, {}, {}, {}, (), Probes(0, {}, None, 0.0, 0.0))
    return EvaluationResult(
        split=SPLIT,
        examples=0,
        baseline_version=request.in_service.number if request.in_service else 0,
        class_names=request.dataset.class_names,
        overall={},
        baseline={},
        per_class={},
        confusion=(),
        reliability=(),
        slices=(),
        rules=judge(request.config, facts),
    )
