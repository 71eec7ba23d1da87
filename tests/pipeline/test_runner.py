"""The watched runner on toy components: done, cached, skipped, failed, and the outputs of each."""

from __future__ import annotations

from pathlib import Path

from pipeline.steps import StepEvent, StepState
from trainer.errors import UserError


class _Run:
    """One run of a toy pipeline: its events, its records and the error that ended it."""

    def __init__(
        self, folder: Path, *, go: int = 1, fail: int = 0, why: str = "", released: bool = False
    ) -> None:
        from pipeline.runner import WatchedRunner

        self.events: list[StepEvent] = []
        self.error: Exception | None = None
        runner = WatchedRunner(self.events.append, released=released)
        try:
            runner.run(_pipeline(folder, go, fail, why))
        except UserError as error:
            self.error = error
        self.run_id, self.records = runner.run_id, runner.records

    @property
    def states(self) -> list[tuple[str, StepState]]:
        return [(record.node_id, record.state) for record in self.records]


def _pipeline(folder: Path, go: int, fail: int, why: str):
    from tfx.dsl.experimental.conditionals.conditional import Cond
    from tfx.orchestration.metadata import sqlite_metadata_connection_config
    from tfx.orchestration.pipeline import Pipeline

    from tests.pipeline.toy_components import Decide, Work

    decide = Decide(go=go, why=why).with_id("decide")
    with Cond(decide.outputs["decision"].future()[0].custom_property("retrain") == 1):
        work = Work(fail=fail).with_id("work")
    return Pipeline(
        "toy",
        str(folder / "root"),
        components=[decide, work],
        enable_cache=True,
        metadata_connection_config=sqlite_metadata_connection_config(str(folder / "m.sqlite")),
    )


def test_done_then_cached_with_the_same_outputs(tmp_path: Path):
    first, second = _Run(tmp_path), _Run(tmp_path)
    assert first.states == [("decide", StepState.DONE), ("work", StepState.DONE)]
    assert second.states == [("decide", StepState.CACHED), ("work", StepState.CACHED)]
    made = first.records[1].outputs["made"]
    assert made.properties["answer"] == 42
    assert second.records[1].outputs["made"].uri == made.uri
    assert first.run_id != second.run_id
    assert [(e.node_id, e.state) for e in first.events][:2] == [
        ("decide", StepState.RUNNING),
        ("decide", StepState.DONE),
    ]


def test_a_decision_not_to_go_skips_the_rest(tmp_path: Path):
    assert _Run(tmp_path, go=0).states == [
        ("decide", StepState.DONE),
        ("work", StepState.SKIPPED),
    ]


def test_a_new_decision_runs_what_hangs_on_it_anew(tmp_path: Path):
    _Run(tmp_path, why="new data")
    assert _Run(tmp_path, why="too old").states == [
        ("decide", StepState.DONE),
        ("work", StepState.DONE),
    ]


def test_released_from_a_condition_that_holds_a_step_is_known_by_its_own_inputs(tmp_path: Path):
    first = _Run(tmp_path, why="learning rate 1", released=True)
    second = _Run(tmp_path, why="learning rate 2", released=True)
    assert first.states == [("decide", StepState.DONE), ("work", StepState.DONE)]
    assert second.states == [("decide", StepState.DONE), ("work", StepState.CACHED)]
    skipped = _Run(tmp_path, go=0, why="nothing new", released=True)
    assert skipped.states == [("decide", StepState.DONE), ("work", StepState.SKIPPED)]


def test_a_failing_step_is_announced_its_error_is_ours_and_the_next_run_works(tmp_path: Path):
    failed = _Run(tmp_path, fail=1)
    assert str(failed.error) == "no more paint. To fix it: buy paint."
    assert failed.states[-1] == ("work", StepState.FAILED)
    assert _Run(tmp_path).states == [("decide", StepState.CACHED), ("work", StepState.DONE)]
