"""The benchmark harness: interleaving, medians and ratios, on a clock that the test holds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks import harness


class Clock:
    """A hand-driven stand-in for the `time` module."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(harness, "time", clock)
    return clock


def _takes(clock: Clock, name: str, seconds: list[float], calls: list[str]) -> harness.Case:
    remaining = iter(seconds)

    def run() -> None:
        calls.append(name)
        clock.now += next(remaining)

    return harness.Case(name, run, work=12)


def test_rounds_interleave_and_ratios_are_taken_within_a_round(clock: Clock) -> None:
    calls: list[str] = []
    slow = _takes(clock, "slow", [99.0, 4.0, 8.0, 30.0], calls)
    fast = _takes(clock, "fast", [99.0, 2.0, 4.0, 10.0], calls)
    first, second = harness.compare([slow, fast], baseline="fast", repeats=3, warmup=1)
    assert calls == ["slow", "fast"] * 4
    assert first.seconds == (4.0, 8.0, 30.0)
    assert first.median == 8.0
    assert first.ratios == (2.0, 2.0, 3.0)
    assert first.ratio == 2.0
    assert first.throughput == 1.5
    assert second.ratios == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("names", "baseline", "repeats", "message"),
    [
        (["a", "a"], "a", 1, "must differ"),
        (["a", "b"], "c", 1, "received 'c'"),
        (["a"], "a", 0, "received 0"),
    ],
)
def test_a_comparison_that_means_nothing_is_refused(
    names: list[str], baseline: str, repeats: int, message: str
) -> None:
    cases = [harness.Case(name, lambda: None) for name in names]
    with pytest.raises(ValueError, match=message):
        harness.compare(cases, baseline=baseline, repeats=repeats)


def test_main_prints_a_table_and_writes_json(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "deep" / "figures.json"
    cases = [harness.Case("one", lambda: None, work=2), harness.Case("two", lambda: None)]
    harness.main(
        "demo", cases, baseline="one", unit="images", argv=["--repeats", "2", "--json", str(target)]
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:2] == ["case", "median"]
    assert [line.split()[0] for line in lines[2:4]] == ["one", "two"]
    figures = json.loads(target.read_text())
    assert figures["baseline"] == "one"
    assert [len(case["seconds"]) for case in figures["cases"]] == [2, 2]
    assert figures["cases"][1]["throughput"] is None


def test_a_command_that_fails_is_no_measurement() -> None:
    harness.command([sys.executable, "-c", "pass"])()
    with pytest.raises(subprocess.CalledProcessError):
        harness.command([sys.executable, "-c", "raise SystemExit(3)"])()


def test_cpu_time_of_a_child_is_counted() -> None:
    burn = harness.Case("burn", harness.command([sys.executable, "-c", "sum(range(3_000_000))"]))
    (result,) = harness.compare([burn], baseline="burn", repeats=1, warmup=0)
    assert result.cpu_median > 0.01
