"""`imagemill predict`: class and probability of image files, as they come."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from components.printable import printable
from trainer.errors import ExitCode, UserError

if TYPE_CHECKING:
    from components.serving.stream import Result

_IN_PROCESS = {"DirectRunner": "FnApiRunner"}
_FORMATS = ("table", "csv", "jsonl")


@click.command()
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True)
@click.option("--format", "form", type=click.Choice(_FORMATS), default="table", show_default=True)
@click.option("--json", "form", flag_value="jsonl", help="The same as --format jsonl.")
@click.option(
    "--top", type=click.IntRange(1), default=1, show_default=True, help="Answers per image."
)
@click.option("--batch-size", type=click.IntRange(1, 1024), default=64, show_default=True)
@click.option("--threads", type=click.IntRange(0), default=0, help="For decoding; 0: one per core.")
@click.option("--output", metavar="FILE", help="Write to a file (or, with --runner, a prefix).")
@click.option("--runner", metavar="NAME", help="Score with Beam on this runner, as DirectRunner.")
@click.option("--beam-arg", "beam_args", multiple=True, help="Further Beam option; repeatable.")
@click.option("--strict", is_flag=True, help="Exit with 3 when any input could not be used.")
@click.option("--quiet", is_flag=True, help="Print answers only: no progress, no skipped inputs.")
def command(
    model: str,
    inputs: tuple[str, ...],
    form: str,
    top: int,
    batch_size: int,
    threads: int,
    output: str | None,
    runner: str | None,
    beam_args: tuple[str, ...],
    strict: bool,
    quiet: bool,
) -> int:
    """Classify images.

    MODEL is a registry, REGISTRY/NAME, or a SavedModel. INPUTS are image files, folders, and manifests (CSV or JSON
    lines with a column `path`). Inputs that cannot be used are reported on stderr and skipped.
    """
    from imagemill.loading import silent

    if runner is not None:
        return _with_beam(model, inputs, output, runner, beam_args, top, batch_size, quiet)
    with silent():
        from components.serving.engine import Engine
        from components.serving.inputs import find_inputs
        from components.serving.stream import predict_stream

        engine = Engine.load(model)
        results = predict_stream(
            engine, find_inputs(inputs), top=top, batch_size=batch_size, threads=threads
        )
    with _writer(output) as stream:
        shown = results if quiet else _with_progress(results, stream)
        used, skipped = write_results(shown, form, stream, quiet=quiet)
    if not used and not skipped:
        raise UserError(
            f"found no images under {', '.join(inputs)}", fix="name image files or folders"
        )
    if skipped and (strict or not used):
        return int(ExitCode.DATA_REFUSED)
    return int(ExitCode.OK)


def write_results(
    results: Iterable[Result], form: str, stream: IO[str], *, quiet: bool = False
) -> tuple[int, int]:
    """Writes results as they come; returns how many images were used and skipped."""
    write = {"table": _write_table, "csv": _write_csv, "jsonl": _write_jsonl}[form]
    counts = [0, 0]

    def good() -> Iterator[Result]:
        for result in results:
            counts[bool(result.error)] += 1
            if not result.error:
                yield result
            elif not quiet:
                click.echo(f"Skipped {printable(result.path)}: {result.error}", err=True)

    write(good(), stream)
    stream.flush()
    return counts[0], counts[1]


def _write_table(results: Iterable[Result], stream: IO[str]) -> None:
    from components.serving.stream import batched

    widths = [0, 0]
    for batch in batched(results, 100 if not stream.isatty() else 1):
        rows = [
            (printable(one.path), printable(answer.class_name), answer.probability)
            for one in batch
            for answer in one.answers
        ]
        widths = [
            max(widths[0], *(len(path) for path, _, _ in rows)),
            max(widths[1], *(len(name) for _, name, _ in rows)),
        ]
        for path, name, probability in rows:
            line = f"{path:<{widths[0]}}  {name:<{widths[1]}}  {probability:.4f}"
            stream.write(line + "\n")


def _write_csv(results: Iterable[Result], stream: IO[str]) -> None:
    import csv

    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("path", "rank", "class", "probability"))
    for result in results:
        for rank, answer in enumerate(result.answers, start=1):
            writer.writerow((result.path, rank, answer.class_name, f"{answer.probability:.6f}"))


def _write_jsonl(results: Iterable[Result], stream: IO[str]) -> None:
    import json

    for result in results:
        answers = [
            {"class": answer.class_name, "probability": round(answer.probability, 6)}
            for answer in result.answers
        ]
        line: dict[str, Any] = {"path": result.path, **answers[0], "answers": answers}
        stream.write(json.dumps(line, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def _writer(output: str | None) -> Iterator[IO[str]]:
    if output is None:
        yield sys.stdout
        return
    target = Path(output)
    temporary = target.with_name(f".{target.name}.partial")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            yield stream
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _with_progress(results: Iterable[Result], stream: IO[str]) -> Iterator[Result]:
    """Counts on stderr while answers go elsewhere; on a terminal that shows the answers they are progress enough."""
    if stream.isatty() or not sys.stderr.isatty():
        yield from results
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), Elapsed())
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        # By default rich takes what others print to our terminal, answers on stdout among it.
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        task = progress.add_task("classified", total=None)
        for result in results:
            yield result
            progress.advance(task)


def _with_beam(
    model: str,
    inputs: tuple[str, ...],
    output: str | None,
    runner: str,
    beam_args: tuple[str, ...],
    top: int,
    batch_size: int,
    quiet: bool,
) -> int:
    from imagemill.loading import silent

    if output is None:
        raise UserError("--runner needs --output PREFIX", fix="name where the shards of answers go")
    with silent():
        from components.serving.bulk import score_inputs

    counts = score_inputs(
        model,
        inputs,
        output,
        # Beam's "DirectRunner" first tries to download its Go runner and then falls back to this one.
        pipeline_args=[f"--runner={_IN_PROCESS.get(runner, runner)}", *beam_args],
        top=top,
        batch_size=batch_size,
    )
    if not quiet:
        click.echo(f"{counts.scored} images classified, {counts.skipped} skipped: {output}-*.jsonl")
    return int(ExitCode.OK if counts.scored else ExitCode.DATA_REFUSED)
