"""Many images through a model: reading and decoding in threads, the model in batches, answers in the order asked.

for result in predict_stream(engine, find_inputs(["photos/"])):
    result.path, result.answers or result.error
"""

from __future__ import annotations

import dataclasses
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from components.image_example_gen.decoder import DecodeError
from components.serving.engine import Answer, Engine, Probabilities
from components.serving.inputs import Input

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of one image.

    Attributes:
      path: as it was found.
      answers: likeliest first; empty where it could not be used.
      error: "" or why not.
    """

    path: str
    answers: tuple[Answer, ...]
    error: str = ""


@dataclasses.dataclass(frozen=True)
class _Ready:
    path: str
    prepared: bytes
    error: str


def predict_stream(
    engine: Engine, inputs: Iterable[Input], *, top: int = 1, batch_size: int = 64, threads: int = 0
) -> Iterator[Result]:
    """Yields one result per input, in order, holding a few batches at a time in memory.

    Args:
      engine: the model.
      inputs: what to classify.
      top: answers per image.
      batch_size: images per call of the model.
      threads: for reading and decoding; 0 means one per core.
    """
    workers = threads or os.cpu_count() or 1
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        ready = map_ahead(pool, lambda item: _ready(engine, item), inputs, ahead=3 * batch_size)
        batches = batched(ready, batch_size)
        # One batch is with the model while the next is decoded and the last one is printed.
        with ThreadPoolExecutor(1, thread_name_prefix="model") as model:
            done = map_ahead(model, lambda batch: _answer(engine, batch, top), batches, ahead=2)
            for results in done:
                yield from results


def map_ahead(
    pool: ThreadPoolExecutor, function: Callable[[_T], _R], items: Iterable[_T], *, ahead: int
) -> Iterator[_R]:
    """`map` in threads, in order, with at most `ahead` items under way: memory does not grow with the input."""
    waiting: deque[Future[_R]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def batched(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Lists of `size` items, the last one shorter."""
    batch: list[_T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _ready(engine: Engine, item: Input) -> _Ready:
    try:
        return _Ready(item.path, engine.prepare(item.read()), "")
    except DecodeError as error:
        return _Ready(item.path, b"", str(error))
    except OSError as error:
        return _Ready(item.path, b"", f"cannot be read: {error.strerror or error}")


def _answer(engine: Engine, batch: list[_Ready], top: int) -> list[Result]:
    good = [ready for ready in batch if not ready.error]
    scores = iter(engine.predict_each([ready.prepared for ready in good]) if good else ())
    return [
        Result(ready.path, (), ready.error)
        if ready.error
        else _result(engine, ready.path, next(scores), top)
        for ready in batch
    ]


def _result(engine: Engine, path: str, score: Probabilities | Exception, top: int) -> Result:
    if isinstance(score, Exception):
        return Result(path, (), f"the model cannot read it: {score}")
    return Result(path, tuple(engine.top(score, top)))
