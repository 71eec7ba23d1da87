"""Times alternatives side by side: interleaved rounds, medians, and ratios taken within a round.

A benchmark is a package `benchmarks/<name>/` whose `__main__.py` ends in

    main(
        "startup",
        [
            Case("python -c pass", command([sys.executable, "-c", "pass"])),
            Case("imagemill --help", command([sys.executable, "-m", "imagemill", "--help"])),
        ],
        baseline="python -c pass",
    )

Every round runs each case once, in turn, so that a slow minute of the machine falls on all of them
alike; what is compared is the ratio to the baseline within the same round. CPU time (this process
and its children) is shown beside wall time, because it moves less when other programs share the
cores.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "benchmarks"


@dataclasses.dataclass(frozen=True)
class Case:
    """One alternative.

    Attributes:
      name: what the table calls it.
      run: does the work once; its result is ignored.
      work: units of work that one run does (images, steps); `main` turns it into a throughput.
    """

    name: str
    run: Callable[[], object]
    work: float | None = None


@dataclasses.dataclass(frozen=True)
class Result:
    """What one case measured.

    Attributes:
      name: of the case.
      seconds: wall time of each round.
      cpu_seconds: CPU time of each round, of this process and of the children that ended in it.
      ratios: wall time over the baseline's of the same round.
      work: units of work that one run does, where the case says so.
    """

    name: str
    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    ratios: tuple[float, ...]
    work: float | None

    @property
    def median(self) -> float:
        """Median wall time in seconds."""
        return statistics.median(self.seconds)

    @property
    def cpu_median(self) -> float:
        """Median CPU time in seconds."""
        return statistics.median(self.cpu_seconds)

    @property
    def ratio(self) -> float:
        """Median of the ratios to the baseline; 1 for the baseline itself."""
        return statistics.median(self.ratios)

    @property
    def throughput(self) -> float | None:
        """Units of work a second at the median, or None where no work was named."""
        return None if self.work is None else self.work / self.median


def command(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Callable[[], None]:
    """A `Case.run` that runs a program from the repository's root, its output thrown away.

    Args:
      argv: the program and its arguments.
      env: variables on top of this process's own.
      cwd: the folder to run in.

    Raises:
      subprocess.CalledProcessError: from the run, where the program fails: a failed run is no
        measurement.
    """
    environment = {**os.environ, **(env or {})}

    def run() -> None:
        subprocess.run(
            argv,
            check=True,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )

    return run


def compare(cases: Sequence[Case], *, baseline: str, repeats: int, warmup: int = 1) -> list[Result]:
    """Measures the cases in interleaved rounds.

    Args:
      cases: at least one; names are unique.
      baseline: name of the case that the ratios refer to.
      repeats: measured rounds, at least 1.
      warmup: rounds run first and thrown away (file cache, compilation).

    Raises:
      ValueError: where two cases have one name, no case is the baseline, or `repeats` is below 1.
    """
    names = [case.name for case in cases]
    if len(set(names)) != len(names):
        raise ValueError(f"case names must differ, received {names}")
    if baseline not in names:
        raise ValueError(f"the baseline must be one of {names}, received {baseline!r}")
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, received {repeats}")
    rounds = [[_measure(case.run) for case in cases] for _ in range(warmup + repeats)][warmup:]
    reference = names.index(baseline)
    return [
        Result(
            name=case.name,
            seconds=tuple(row[i][0] for row in rounds),
            cpu_seconds=tuple(row[i][1] for row in rounds),
            ratios=tuple(row[i][0] / row[reference][0] for row in rounds),
            work=case.work,
        )
        for i, case in enumerate(cases)
    ]


def table(results: Sequence[Result], *, unit: str = "") -> str:
    """The results as an aligned table, one line a case."""
    header = [
        "case",
        "median",
        "min",
        "max",
        "cpu",
        "ratio",
        "ratio min..max",
        f"{unit}/s" if unit else "",
    ]
    rows = [header, *(_row(result) for result in results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def as_json(
    name: str, results: Sequence[Result], *, baseline: str, unit: str = ""
) -> dict[str, object]:
    """Everything measured, with the facts about the machine that the figures depend on."""
    return {
        "benchmark": name,
        "baseline": baseline,
        "unit": unit,
        "machine": {
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "load": os.getloadavg()[0],
        },
        "cases": [
            {
                **dataclasses.asdict(result),
                "median": result.median,
                "cpu_median": result.cpu_median,
                "ratio": result.ratio,
                "throughput": result.throughput,
            }
            for result in results
        ],
    }


def main(
    name: str,
    cases: Sequence[Case],
    *,
    baseline: str,
    unit: str = "",
    repeats: int = 5,
    argv: Sequence[str] | None = None,
) -> list[Result]:
    """The command line of one benchmark: measures, prints the table, writes the JSON file.

    Args:
      name: of the benchmark; the JSON file is named after it.
      cases: what to compare.
      baseline: name of the case that the ratios refer to.
      unit: plural name of the unit of `Case.work`, such as "images".
      repeats: measured rounds unless `--repeats` says otherwise.
      argv: the command line, `sys.argv[1:]` where it is None.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}", description=f"Benchmark: {name}."
    )
    parser.add_argument(
        "--repeats", type=int, default=repeats, help="measured rounds (default %(default)s)"
    )
    parser.add_argument(
        "--warmup", type=int, default=1, help="rounds thrown away first (default %(default)s)"
    )
    parser.add_argument(
        "--json", type=Path, default=RESULTS / f"{name}.json", help="where the figures go"
    )
    options = parser.parse_args(argv)
    results = compare(cases, baseline=baseline, repeats=options.repeats, warmup=options.warmup)
    print(f"{name}: {options.repeats} interleaved rounds, seconds, ratios to {baseline!r}")
    print(table(results, unit=unit))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(
        json.dumps(as_json(name, results, baseline=baseline, unit=unit), indent=2) + "\n"
    )
    print(f"figures: {options.json}")
    return results


def _measure(run: Callable[[], object]) -> tuple[float, float]:
    cpu, start = _cpu_seconds(), time.perf_counter()
    run()
    return time.perf_counter() - start, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _row(result: Result) -> list[str]:
    return [
        result.name,
        f"{result.median:.3f}",
        f"{min(result.seconds):.3f}",
        f"{max(result.seconds):.3f}",
        f"{result.cpu_median:.3f}",
        f"{result.ratio:.2f}x",
        f"{min(result.ratios):.2f}..{max(result.ratios):.2f}",
        "" if result.throughput is None else f"{result.throughput:.1f}",
    ]
