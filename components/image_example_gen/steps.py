"""The two passes over the data as Beam transforms; both move file names, never images, between steps.

    pipeline | "Blocks" >> beam.Create(numbers) | "Prepare" >> PrepareBlocks(folder, config)
    pipeline | "Shards" >> beam.Create(shards)  | "Write" >> WriteShards(folder)

Each work item writes its result under a fixed name, whole or not at all, with content that depends on the input
alone: an item that a runner repeats, or runs twice at once, changes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from components.image_example_gen import paths, staging
from components.image_example_gen.config import IngestConfig
from components.image_example_gen.records import RecordWriter
from components.image_example_gen.sandbox import Result, Sandbox

_NAMESPACE = "imagemill.ingest"


def block_path(folder: str, number: int, kind: str) -> str:
    """Where a block keeps its `todo` list, its `records` and their `index`."""
    return paths.join(folder, f"block-{number:06d}.{kind}")


@beam.typehints.with_input_types(int)
@beam.typehints.with_output_types(int)
class PrepareBlocks(beam.PTransform):  # type: ignore[misc]
    """Decodes the files of each block and stages their records; passes the block's number on."""

    def __init__(self, folder: str, config: IngestConfig) -> None:
        super().__init__()
        self._folder = folder
        self._config = config

    def expand(self, blocks: beam.PCollection) -> beam.PCollection:
        """Applies the transform."""
        return (
            blocks
            | "SpreadBlocks" >> beam.Reshuffle()
            | "PrepareBlock" >> beam.ParDo(_PrepareBlock(self._folder, self._config))
        )


@beam.typehints.with_input_types(str)
@beam.typehints.with_output_types(str)
class WriteShards(beam.PTransform):  # type: ignore[misc]
    """Gathers the records of each planned shard; passes the shard's name on."""

    def __init__(self, folder: str, output: str) -> None:
        super().__init__()
        self._folder = folder
        self._output = output

    def expand(self, shards: beam.PCollection) -> beam.PCollection:
        """Applies the transform."""
        return (
            shards
            | "SpreadShards" >> beam.Reshuffle()
            | "WriteShard" >> beam.ParDo(_WriteShard(self._folder, self._output))
        )


@beam.typehints.with_input_types(int)
@beam.typehints.with_output_types(int)
class _PrepareBlock(beam.DoFn):  # type: ignore[misc]
    def __init__(self, folder: str, config: IngestConfig) -> None:
        super().__init__()
        self._folder = folder
        self._config = config.model_dump_json()

    def setup(self) -> None:
        self._settings = IngestConfig.model_validate_json(self._config)
        self._sandbox = Sandbox(self._settings)

    def teardown(self) -> None:
        self._sandbox.close()

    def process(self, number: int) -> Iterator[int]:
        todo = list(staging.read_lines(block_path(self._folder, number, "todo")))
        index = []
        staged = block_path(self._folder, number, "records")
        with paths.create_whole(staged, durable=False) as records:
            offset = 0
            for task, result in self._results(todo):
                records.write(result.record)
                index.append(_entry(task, result, offset))
                offset += len(result.record)
                Metrics.counter(_NAMESPACE, result.reason or "examples").inc()
        staging.write_lines(block_path(self._folder, number, "index"), index)
        yield number

    def _results(self, todo: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Result]]:
        """One result per task, in their order; what cannot be read never reaches the decoder."""
        failed: dict[int, Result] = {}
        readable: list[int] = []

        def requests() -> Iterator[tuple[dict[str, Any], bytes]]:
            for at, task in enumerate(todo):
                content = _read(task, self._settings)
                if isinstance(content, Result):
                    failed[at] = content
                else:
                    readable.append(at)
                    yield task, content

        done = dict(enumerate(self._sandbox.run(requests())))
        results = {**failed, **{readable[at]: result for at, result in done.items()}}
        for at, task in enumerate(todo):
            yield task, results[at]


def _read(task: dict[str, Any], config: IngestConfig) -> bytes | Result:
    limit = int(config.max_file_mb * 2**20)
    if task["size"] > limit:
        return Result({}, b"", "file_too_large", f"{task['size']} bytes, more than {limit}")
    try:
        with paths.open_read(task["path"]) as stream:
            content = stream.read(limit + 1)
    except Exception as error:
        return Result({}, b"", "unreadable", f"{type(error).__name__}: {error}"[:300])
    if len(content) > limit:
        return Result({}, b"", "file_too_large", f"more than {limit} bytes")
    return content


def _entry(task: dict[str, Any], result: Result, offset: int) -> dict[str, Any]:
    """What the driver learns of one file."""
    if result.reason:
        return {"at": task["at"], "reason": result.reason, "detail": result.detail}
    return {"at": task["at"], "offset": offset, "length": len(result.record), **result.head}


@beam.typehints.with_input_types(str)
@beam.typehints.with_output_types(str)
class _WriteShard(beam.DoFn):  # type: ignore[misc]
    def __init__(self, folder: str, output: str) -> None:
        super().__init__()
        self._folder = folder
        self._output = output

    def process(self, shard: str) -> Iterator[str]:
        plan = staging.read_json(paths.join(self._folder, f"{shard}.plan"))
        written = 0
        with (
            paths.create_whole(paths.join(self._output, shard)) as stream,
            RecordWriter(stream) as writer,
        ):
            for block, spans in plan:
                with contextlib.closing(
                    paths.open_read(block_path(self._folder, block, "records"))
                ) as source:
                    for offset, length in spans:
                        source.seek(offset)
                        writer.write_framed(source.read(length))
                        written += 1
        Metrics.counter(_NAMESPACE, "written").inc(written)
        staging.write_json(paths.join(self._folder, f"{shard}.done"), written)
        yield shard
