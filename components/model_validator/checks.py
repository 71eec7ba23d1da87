"""The requests that a model is tried with, and what a good answer to each is.

checks = run_checks(server, photos, config)
[check.name for check in checks if not check.passed]
"""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from PIL import Image
from pydantic import Field

from components.model_validator.config import ValidateConfig
from trainer.settings import Settings

_BROKEN = b"\xff\xd8\xff\xe0 begins like a JPEG and is none"


class Server(Protocol):
    """A server that can be asked."""

    name: str

    def post(self, path: str, body: bytes) -> tuple[int, Any]:
        """Status and parsed JSON of a request."""

    def memory_mb(self) -> float:
        """The most memory that it has taken, in MiB."""


class Check(Settings):
    """One request's outcome."""

    name: str = Field(description="What was tried.")
    passed: bool = Field(description="Whether the answer was as it should be.")
    detail: str = Field(description="What was sent and what came back, in a sentence.")


class _FailedError(Exception):
    """An answer that is not as it should be."""


def run_checks(
    server: Server, photos: Sequence[bytes], config: ValidateConfig
) -> tuple[Check, ...]:
    """Sends everything; a failed check does not keep the others from being run."""
    images = [
        *photos,
        encoded("JPEG", (90, 160, 40), (200, 120)),
        encoded("PNG", (40, 60, 200), (64, 96)),
    ]
    steps: tuple[tuple[str, Callable[[], str]], ...] = (
        ("raw-jpeg", lambda: _raw(server, encoded("JPEG", (200, 30, 30), (320, 240)))),
        ("raw-png", lambda: _raw(server, encoded("PNG", (30, 200, 30), (33, 47)))),
        ("test-photos", lambda: _photos(server, photos)),
        ("mixed-batch", lambda: _batch(server, images, config.tolerance)),
        ("broken-image", lambda: _broken(server)),
        ("still-answers", lambda: _raw(server, images[-1])),
        ("memory", lambda: _memory(server, config.max_memory_mb)),
    )
    return tuple(_try(name, step) for name, step in steps)


def encoded(kind: str, colour: tuple[int, int, int], size: tuple[int, int]) -> bytes:
    """A plain image of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


def _try(name: str, step: Callable[[], str]) -> Check:
    try:
        return Check(name=name, passed=True, detail=step())
    except _FailedError as error:
        return Check(name=name, passed=False, detail=str(error))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Check(name=name, passed=False, detail=f"{type(error).__name__}: {error}")


def _raw(server: Server, image: bytes) -> str:
    status, answer = server.post("/predict", image)
    if status != 200:
        raise _FailedError(f"answered {status}: {answer}")
    _check_probabilities([row["probability"] for row in answer["answers"]])
    return f"{answer['class']!r} with {answer['probability']:.3f}"


def _photos(server: Server, photos: Sequence[bytes]) -> str:
    for photo in photos:
        _raw(server, photo)
    return f"{len(photos)} answered"


def _batch(server: Server, images: Sequence[bytes], tolerance: float) -> str:
    together = _predict(server, images)
    if len(together) != len(images):
        raise _FailedError(f"{len(images)} images sent, {len(together)} answers came back")
    alone = [_predict(server, [image])[0] for image in images]
    difference = max(
        abs(one - other)
        for row, single in zip(together, alone, strict=True)
        for one, other in zip(row, single, strict=True)
    )
    if difference > tolerance:
        raise _FailedError(f"answers differ by {difference:.2g} from those to single images")
    return f"{len(images)} images of mixed formats and sizes; {difference:.2g} from single answers"


def _predict(server: Server, images: Sequence[bytes]) -> list[list[float]]:
    rows = [{"b64": base64.b64encode(image).decode()} for image in images]
    body = json.dumps({"instances": rows}).encode()
    status, answer = server.post(f"/v1/models/{server.name}:predict", body)
    if status != 200:
        raise _FailedError(f"a batch was answered {status}: {answer}")
    found = [row["probabilities"] for row in answer["predictions"]]
    for probabilities in found:
        _check_probabilities(probabilities)
    return found


def _broken(server: Server) -> str:
    status, answer = server.post("/predict", _BROKEN)
    if not 400 <= status < 500 or not answer.get("error"):
        raise _FailedError(f"a broken image was answered {status}: {answer}")
    return f"refused with {status}: {answer['error']}"


def _memory(server: Server, limit: float | None) -> str:
    taken = server.memory_mb()
    if limit is not None and taken > limit:
        raise _FailedError(f"{taken:.0f} MiB at most, more than {limit:g}")
    return f"{taken:.0f} MiB at most"


def _check_probabilities(values: Sequence[float]) -> None:
    if not all(math.isfinite(value) and -1e-6 <= value <= 1 + 1e-6 for value in values):
        raise _FailedError(f"not probabilities: {values}")
    if abs(sum(values) - 1) > 1e-3:
        raise _FailedError(f"probabilities add up to {sum(values):.4f}")
