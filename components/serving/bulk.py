"""Batch scoring as a Beam pipeline, for more images than one machine should read.

    counts = score_inputs("gs://b/registry/scenes", ["gs://b/photos"], "gs://b/answers/part", pipeline_args=[...])

Answers go to `<output>-*.jsonl`, images that could not be used to `<output>-skipped-*.jsonl`; every input is in one
of them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
from apache_beam.utils.shared import Shared

from components.image_example_gen.decoder import DecodeError
from components.serving.engine import Engine, Probabilities
from components.serving.inputs import Input, find_inputs

SKIPPED = "skipped"


@dataclasses.dataclass(frozen=True)
class Counts:
    """How many images were scored and skipped."""

    scored: int
    skipped: int


@beam.typehints.with_input_types(str)
@beam.typehints.with_output_types(str)
class ReadAndScore(beam.DoFn):  # type: ignore[misc]
    """Paths to JSON lines; a bundle's images go through the model in batches.

    Args:
      model: as for `Engine.load`; every worker must reach it.
      top: answers per image.
      batch_size: images per call.
    """

    def __init__(self, model: str, top: int, batch_size: int) -> None:
        self._model = model
        self._top = top
        self._batch_size = batch_size
        self._shared = Shared()
        self._scored = beam.metrics.Metrics.counter("imagemill", "images_scored")
        self._skipped = beam.metrics.Metrics.counter("imagemill", "images_skipped")

    def setup(self) -> None:
        """Loads the model, once per process."""
        self._engine = self._shared.acquire(lambda: Engine.load(self._model), tag=self._model)

    def start_bundle(self) -> None:
        """Starts an empty batch."""
        self._waiting: list[tuple[str, bytes]] = []

    def process(self, path: str) -> Iterator[str | beam.pvalue.TaggedOutput]:
        """Prepares one image; scores when a batch is full."""
        try:
            self._waiting.append((path, self._engine.prepare(Input(path).read())))
        except (DecodeError, OSError) as error:
            yield self._skip(path, error)
        if len(self._waiting) >= self._batch_size:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[beam.utils.windowed_value.WindowedValue]:
        """Scores what is left."""
        for line in self._flush():
            if isinstance(line, beam.pvalue.TaggedOutput):
                value = self._timed(line.value)
                yield beam.pvalue.TaggedOutput(line.tag, value)
            else:
                yield self._timed(line)

    @staticmethod
    def _timed(line: str) -> beam.utils.windowed_value.WindowedValue:
        window = beam.transforms.window.GlobalWindow()
        return beam.utils.windowed_value.WindowedValue(line, window.max_timestamp(), [window])

    def _flush(self) -> Iterator[str | beam.pvalue.TaggedOutput]:
        batch, self._waiting = self._waiting, []
        scores = self._engine.predict_each([prepared for _, prepared in batch]) if batch else []
        for (path, _), score in zip(batch, scores, strict=True):
            yield (
                self._skip(path, score) if isinstance(score, Exception) else self._line(path, score)
            )

    def _skip(self, path: str, error: Exception) -> beam.pvalue.TaggedOutput:
        self._skipped.inc()
        line = json.dumps({"path": path, "error": str(error)}, ensure_ascii=False)
        return beam.pvalue.TaggedOutput(SKIPPED, line)

    def _line(self, path: str, score: Probabilities) -> str:
        self._scored.inc()
        answers = [
            {"class": answer.class_name, "probability": round(answer.probability, 6)}
            for answer in self._engine.top(score, self._top)
        ]
        return json.dumps({"path": path, **answers[0], "answers": answers}, ensure_ascii=False)


def score_inputs(
    model: str,
    inputs: Sequence[str],
    output: str,
    *,
    pipeline_args: Sequence[str] = (),
    top: int = 1,
    batch_size: int = 32,
) -> Counts:
    """Scores images on a Beam runner.

    Args:
      model: as for `Engine.load`.
      inputs: files, folders and manifests; all workers must reach them.
      output: prefix of the files that are written.
      pipeline_args: Beam's options, such as `--runner=FlinkRunner`.
      top: answers per image.
      batch_size: images per call of the model.
    """
    pipeline = beam.Pipeline(argv=list(pipeline_args))
    build(pipeline, model, inputs, output, top=top, batch_size=batch_size)
    result = pipeline.run()
    result.wait_until_finish()
    return Counts(_count(result, "images_scored"), _count(result, "images_skipped"))


def build(
    pipeline: beam.Pipeline,
    model: str,
    inputs: Iterable[str],
    output: str,
    *,
    top: int,
    batch_size: int,
) -> None:
    """Adds the scoring to a pipeline."""
    outputs = (
        pipeline
        | "Arguments" >> beam.Create(list(inputs))
        | "FindImages" >> beam.FlatMap(_paths).with_output_types(str)
        | "Spread" >> beam.Reshuffle()
        | "ReadAndScore"
        >> beam.ParDo(ReadAndScore(model, top, batch_size)).with_outputs(SKIPPED, main="scored")
    )
    _ = outputs.scored | "WriteAnswers" >> beam.io.WriteToText(output, file_name_suffix=".jsonl")
    _ = outputs[SKIPPED] | "WriteSkipped" >> beam.io.WriteToText(
        f"{output}-{SKIPPED}", file_name_suffix=".jsonl"
    )


def _paths(argument: str) -> Iterator[str]:
    for item in find_inputs([argument]):
        yield item.path


def _count(result: beam.runners.runner.PipelineResult, name: str) -> int:
    named = beam.metrics.metric.MetricsFilter().with_name(name)
    return sum(counter.result for counter in result.metrics().query(named)["counters"])
