"""What a person sees while a pipeline runs: a live table of steps, or plain lines where output is no terminal.

with RunView(console) as view:
    run_locally(config, listener=view.on_step)     # reports of `trainer.progress` arrive by themselves
"""

from __future__ import annotations

import logging
import time
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from pipeline.steps import StepEvent, StepState
from trainer.progress import LOGGER_NAME, Progress

TITLES = {
    "retrain-check": "Decide whether to train",
    "image-example-gen": "Read, check and split images",
    "statistics-gen": "Compute statistics",
    "schema-gen": "Infer the schema",
    "data-gate": "Check the data",
    "tuner": "Search settings",
    "trainer": "Train",
    "model-evaluator": "Evaluate and decide",
    "model-validator": "Send it real requests",
    "model-pusher": "Push to the registry",
    "report": "Write the report",
}
_MARKS = {
    StepState.DONE: Text("✓", style="green"),
    StepState.CACHED: Text("✓", style="cyan"),
    StepState.SKIPPED: Text("-", style="dim"),
    StepState.FAILED: Text("✗", style="bold red"),
}
# The count and the clock say these already.
_TOLD_OTHERWISE = ("epoch", "seconds")
_BAR_WIDTH = 30
_PLAIN_INTERVAL_SECONDS = 10.0


class _Step:
    """One row: its state, times and the progress of what runs inside it."""

    def __init__(self, node_id: str) -> None:
        self.title = TITLES.get(node_id, node_id)
        self.state = StepState.RUNNING
        self.started = time.monotonic()
        self.seconds = 0.0
        self.progress: dict[str, Progress] = {}
        self.spinner = Spinner("dots", style="cyan")


class RunView(logging.Handler):
    """Draws steps and progress on a console.

    Args:
      console: where to draw; live where it is a terminal, else a line per event.
      quiet: draw nothing.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        super().__init__()
        self._console = console
        self._quiet = quiet
        self._steps: dict[str, _Step] = {}
        self._started = time.monotonic()
        self._last_line: dict[str, float] = {}
        self._live = Live(
            get_renderable=self._render,
            console=console,
            refresh_per_second=8,
            transient=False,
            # By default rich takes what others print to our terminal; it belongs in the log.
            redirect_stdout=False,
            redirect_stderr=False,
        )

    @property
    def _is_live(self) -> bool:
        return self._console.is_terminal and not self._quiet

    def __enter__(self) -> RunView:
        logging.getLogger(LOGGER_NAME).addHandler(self)
        if self._is_live:
            self._live.start()
        elif not self._quiet:
            self._console.print("Loading TFX ...")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        logging.getLogger(LOGGER_NAME).removeHandler(self)
        if self._is_live:
            self._live.stop()

    @property
    def began(self) -> bool:
        """Whether a step started."""
        return bool(self._steps)

    @property
    def failed_step(self) -> str | None:
        """Title of the step that failed, if one did."""
        failed = [step.title for step in self._steps.values() if step.state is StepState.FAILED]
        return failed[0] if failed else None

    def on_step(self, event: StepEvent) -> None:
        """Takes the start or end of a step."""
        if event.state is StepState.RUNNING:
            self._steps[event.node_id] = _Step(event.node_id)
        step = self._steps[event.node_id]
        step.state, step.seconds = event.state, event.seconds
        if not self._is_live and not self._quiet:
            self._console.print(_plain(step), highlight=False, soft_wrap=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a report of `trainer.progress`."""
        event = getattr(record, "progress", None)
        running = [step for step in self._steps.values() if step.state is StepState.RUNNING]
        if not isinstance(event, Progress) or not running:
            return
        running[-1].progress[event.task] = event
        if not self._is_live and not self._quiet and self._worth_a_line(event):
            text = f"    {_counted(event)}  {_figures(event)}".rstrip()
            self._console.print(text, highlight=False, soft_wrap=True)

    def _worth_a_line(self, event: Progress) -> bool:
        now = time.monotonic()
        due = now - self._last_line.get(event.task, self._started) > _PLAIN_INTERVAL_SECONDS
        # An epoch has a line of its own when it ends; what lies between is for the live view.
        if event.final or (due and event.unit != "epochs"):
            self._last_line[event.task] = now
            return True
        return False

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=2)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", width=8)
        table.add_column()
        bars: list[RenderableType] = []
        if not self._steps:
            table.add_row(
                Spinner("dots"), "Loading TFX", _clock(time.monotonic() - self._started), ""
            )
        for step in self._steps.values():
            running = step.state is StepState.RUNNING
            seconds = time.monotonic() - step.started if running else step.seconds
            mark = step.spinner if running else _MARKS[step.state]
            table.add_row(mark, step.title, _clock(seconds), Text(_note(step), style="dim"))
            if running:
                bars = [_bar(event) for event in step.progress.values() if _is_under_way(event)]
        return Group(table, *bars)


def _is_under_way(event: Progress) -> bool:
    return not event.note and (event.total is None or event.done < event.total)


def _note(step: _Step) -> str:
    if step.state is StepState.CACHED:
        return "unchanged, reused"
    if step.state is StepState.SKIPPED:
        return "skipped"
    notes = [event.note for event in step.progress.values() if event.note]
    return notes[-1] if notes and step.state is StepState.DONE else ""


def _plain(step: _Step) -> str:
    if step.state is StepState.RUNNING:
        return f"{step.title} ..."
    note = _note(step)
    return f"{step.title}: {step.state.value} in {_clock(step.seconds).strip()}" + (
        f" ({note})" if note and step.state is StepState.DONE else ""
    )


def _bar(event: Progress) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    row.add_row(
        Text("  "),
        ProgressBar(event.total, event.done, width=_BAR_WIDTH, pulse=not event.total),
        Text(_counted(event)),
        Text(_figures(event), style="cyan"),
    )
    return row


def _counted(event: Progress) -> str:
    """`3/8 epochs`, or what came of the task where it has ended."""
    of = f"/{event.total:,g}" if event.total else ""
    return event.note or f"{int(event.done):,}{of} {event.unit}"


def _figures(event: Progress) -> str:
    """`accuracy 0.9123  53 images/s  about 1:05 left`."""
    shown = []
    for name, value in event.metrics.items():
        if name == "images_per_second":
            shown.append(f"{value:.0f} images/s")
        elif name == "seconds_left":
            shown.append(f"about {_clock(value)} left")
        elif name not in _TOLD_OTHERWISE:
            shown.append(f"{name} {value:.4g}")
    return "  ".join(shown)


def _clock(seconds: float) -> str:
    """`4.2 s`, `1:05`, `1:02:03`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
