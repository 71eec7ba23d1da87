"""The view of a running pipeline, on a terminal and in a file."""

from __future__ import annotations

import io
import sys

from rich.console import Console

from imagemill.terminal import RunView, _clock
from pipeline.steps import StepEvent, StepState
from trainer.progress import report


def _run(view: RunView) -> None:
    with view:
        view.on_step(StepEvent("trainer", StepState.RUNNING))
        report("train", done=0.5, total=2, unit="epochs")
        figures = {"epoch": 1, "accuracy": 0.912345, "images_per_second": 53.2, "seconds_left": 65}
        report("train", done=1, total=2, unit="epochs", metrics=figures, final=True)
        report("train", done=2, total=2, unit="epochs", final=True, note="stopped early")
        view.on_step(StepEvent("trainer", StepState.DONE, 61.0))
        view.on_step(StepEvent("model-pusher", StepState.RUNNING))
        view.on_step(StepEvent("model-pusher", StepState.FAILED, 1.5))


def test_plain_lines_where_output_is_no_terminal():
    out = io.StringIO()
    view = RunView(Console(file=out))
    _run(view)
    assert out.getvalue().splitlines() == [
        "Loading TFX ...",
        "Train ...",
        "    1/2 epochs  accuracy 0.9123  53 images/s  about 1:05 left",
        "    stopped early",
        "Train: done in 1:01 (stopped early)",
        "Push to the registry ...",
        "Push to the registry: failed in 1.5 s",
    ]
    assert view.failed_step == "Push to the registry"


def test_a_live_table_on_a_terminal():
    out = io.StringIO()
    _run(RunView(Console(file=out, force_terminal=True, width=100)))
    assert "\x1b[" in out.getvalue()
    assert "✗" in out.getvalue()
    assert "1:01" in out.getvalue()


def test_quiet_draws_nothing():
    out = io.StringIO()
    _run(RunView(Console(file=out, force_terminal=True), quiet=True))
    assert out.getvalue() == ""


def test_clock():
    assert [_clock(s) for s in (0.04, 59.9, 60, 3661)] == ["0.0 s", "59.9 s", "1:00", "1:01:01"]


def test_what_others_print_stays_out_of_the_live_view(capfd):
    out = io.StringIO()
    view = RunView(Console(file=out, force_terminal=True, width=100))
    with view:
        view.on_step(StepEvent("trainer", StepState.RUNNING))
        print("noise")  # noqa: T201
        print("more noise", file=sys.stderr)  # noqa: T201
    assert "noise" not in out.getvalue()
