"""The Beam part: scored rows into TFMA's figures and our tallies.

    with make_pipeline() as pipeline:
        build(pipeline, Job(pattern=..., models=[...], ...))
    sliced = read_slices(job, "candidate")

TFMA computes accuracy, top-k, log loss and the confusion matrix, overall and by slice, from predictions alone, and
writes its usual files, which `tfma.load_eval_result` and its notebook views read.
"""

from __future__ import annotations

import dataclasses
import pickle
import posixpath
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from google.protobuf import text_format
from tensorflow_model_analysis.extractors import slice_key_extractor
from tensorflow_model_analysis.proto import config_pb2

from components.model_evaluator.scoring import BASELINE, CANDIDATE, ModelRef, Row, Score
from components.model_evaluator.slices import Found, find_slices, keep
from components.model_evaluator.tally import Tally, TallyFn
from components.model_pusher.storage import open_any, storage_for

TALLY_FILE = "tally.pickle"
SLICES_FILE = "slices.pickle"
PREDICTIONS_PREFIX = "predictions"
SliceKey = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Job:
    """What to evaluate.

    Attributes:
      pattern: file pattern of the split's TFRecords.
      output: folder for TFMA's files.
      models: the candidate, and the model in service if there is one.
      class_names: labels and probabilities are brought into this order.
      slice_by: slice features.
      max_slices: values of one feature that figures are given for.
      batch_size: images per call.
      top_k: for top-k accuracy.
      bins: bins of the calibration.
    """

    pattern: str
    output: str
    models: tuple[ModelRef, ...]
    class_names: tuple[str, ...]
    slice_by: tuple[str, ...]
    max_slices: int
    batch_size: int
    top_k: int
    bins: int

    @property
    def compares(self) -> bool:
        """Whether there is a model in service to compare with."""
        return any(model.name == BASELINE for model in self.models)


def build(pipeline: beam.Pipeline, job: Job) -> None:
    """Adds everything to a pipeline."""
    rows = (
        pipeline
        | "ReadExamples" >> beam.io.ReadFromTFRecord(job.pattern)
        | "Batch" >> beam.BatchElements(min_batch_size=1, max_batch_size=job.batch_size)
        | "Score" >> beam.ParDo(Score(job.models, job.class_names, job.slice_by))
    )
    found = find_slices(rows, job.max_slices)
    _ = (
        found
        | "AllSlices" >> beam.combiners.ToDict()
        | "WriteSlices" >> beam.Map(_write_pickle, posixpath.join(job.output, SLICES_FILE))
    )
    _add_tally(rows, job)
    _add_predictions(rows, job)
    _add_tfma(rows, found, job)


def _add_tally(rows: beam.PCollection, job: Job) -> None:
    names = [model.name for model in job.models]
    _ = (
        rows
        | "Tally" >> beam.CombineGlobally(TallyFn(len(job.class_names), job.bins, names))
        | "WriteTally" >> beam.Map(_write_pickle, posixpath.join(job.output, TALLY_FILE))
    )


def _add_predictions(rows: beam.PCollection, job: Job) -> None:
    """One line an image, for the report and for whoever looks for label errors."""
    _ = (
        rows
        | "ToLine" >> beam.Map(prediction_line, job.class_names).with_output_types(str)
        | "WritePredictions"
        >> beam.io.WriteToText(
            posixpath.join(job.output, PREDICTIONS_PREFIX), file_name_suffix=".jsonl"
        )
    )


def _add_tfma(rows: beam.PCollection, found: beam.PCollection, job: Job) -> None:
    config = eval_config(job)
    slicer = slice_key_extractor.SliceKeyExtractor(eval_config=config, materialize=False)
    evaluations = (
        rows
        | "ToExtracts"
        >> beam.Map(to_extracts, job.compares, beam.pvalue.AsDict(found)).with_output_types(
            dict[str, Any]
        )
        | "Evaluate"
        >> tfma.ExtractAndEvaluate(
            extractors=[slicer], evaluators=tfma.default_evaluators(eval_config=config)
        )
    )
    writers = tfma.default_writers(output_path=job.output, eval_config=config)
    _ = evaluations | "WriteTfma" >> tfma.WriteResults(writers=writers)


def prediction_line(row: Row, class_names: tuple[str, ...]) -> str:
    """JSON: path, label, answer, the answer's probability and that of the label."""
    import json

    scores = row.probabilities[CANDIDATE]
    best = int(np.argmax(scores))
    facts = {
        "path": row.path,
        "label": class_names[row.label],
        "answer": class_names[best],
        "probability": round(float(scores[best]), 6),
        "label_probability": round(float(scores[row.label]), 6),
    }
    return json.dumps(facts, ensure_ascii=False)


def to_extracts(row: Row, compares: bool, found: Mapping[str, Found]) -> dict[str, Any]:
    """TFMA's form of a row."""
    predictions: Any = row.probabilities if compares else row.probabilities[CANDIDATE]
    return {
        tfma.LABELS_KEY: np.array([row.label]),
        tfma.PREDICTIONS_KEY: predictions,
        tfma.FEATURES_KEY: {
            name: np.array([value]) for name, value in keep(row.slices, found).items()
        },
    }


def eval_config(job: Job) -> config_pb2.EvalConfig:
    """TFMA's config: one model without a name, or two by name."""
    slices = "".join(f'slicing_specs {{ feature_keys: "{name}" }}\n' for name in job.slice_by)
    models = 'model_specs { label_key: "label" }'
    names = ""
    if job.compares:
        models = (
            f'model_specs {{ name: "{CANDIDATE}" label_key: "label" }}\n'
            f'model_specs {{ name: "{BASELINE}" label_key: "label" is_baseline: true }}'
        )
        names = f'model_names: ["{CANDIDATE}", "{BASELINE}"]'
    text = f"""
      {models}
      slicing_specs {{}}
      {slices}
      metrics_specs {{
        {names}
        metrics {{ class_name: "ExampleCount" }}
        metrics {{ class_name: "SparseCategoricalAccuracy" config: '"name": "accuracy"' }}
        metrics {{
          class_name: "SparseTopKCategoricalAccuracy"
          config: '"k": {job.top_k}, "name": "top_{job.top_k}_accuracy"'
        }}
        metrics {{ class_name: "SparseCategoricalCrossentropy" config: '"name": "log_loss"' }}
        metrics {{ class_name: "MultiClassConfusionMatrixPlot" }}
      }}"""
    return text_format.Parse(text, config_pb2.EvalConfig())


def take_tally(job: Job) -> Tally:
    """What `build`'s pipeline counted; the file it travelled in is deleted."""
    tally = _take_pickle(posixpath.join(job.output, TALLY_FILE))
    assert isinstance(tally, Tally)
    return tally


def take_slices(job: Job) -> dict[str, Found]:
    """The slices that `build`'s pipeline found; the file they travelled in is deleted."""
    found = _take_pickle(posixpath.join(job.output, SLICES_FILE))
    assert isinstance(found, dict)
    return found


def read_slices(job: Job, model: str) -> dict[SliceKey, dict[str, float]]:
    """TFMA's figures of a model by slice; the key () is the whole split."""
    result = tfma.load_eval_result(job.output, model_name=model if job.compares else None)
    return {
        tuple((str(k), str(v)) for k, v in key): _plain(metrics[""][""])
        for key, metrics in result.slicing_metrics
    }


def _plain(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    return {
        name: float(value["doubleValue"])
        for name, value in metrics.items()
        if "doubleValue" in value and not name.endswith("_diff")
    }


def _write_pickle(value: Tally | dict[str, Found], path: str) -> None:
    from apache_beam.io.filesystems import FileSystems

    with FileSystems.create(path) as file:
        file.write(pickle.dumps(value))


def _take_pickle(path: str) -> object:
    with open_any(path) as file:
        value: object = pickle.load(file)
    storage_for(path).delete(path)
    return value
