from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trainer import checkpoint, loop, precision
from trainer.config import TrainConfig
from trainer.input import Source
from trainer.precision import Choice, choose
from trainer.watch import Watch

LONG = precision.FEWEST_STEPS


def never(policy: str) -> float:
    raise AssertionError(f"{policy} was measured")


def measured(**seconds: float) -> Callable[[str], float]:
    return seconds.__getitem__


@pytest.fixture
def half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "candidate", lambda: "mixed_bfloat16")


@pytest.mark.parametrize(
    ("config", "steps", "part"),
    [
        (TrainConfig(mixed_precision="float32"), LONG, "says so"),
        (TrainConfig(deterministic=True), LONG, "no choice to a clock"),
        (TrainConfig(), LONG - 1, "too few"),
    ],
)
@pytest.mark.usefixtures("half")
def test_some_runs_are_float32_without_a_measurement(config: TrainConfig, steps: int, part: str):
    choice = choose(config, steps=steps, measure=never)
    assert choice.policy == "float32"
    assert part in choice.why


def test_a_machine_without_half_precision_measures_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precision, "cpu_flags", lambda: {"avx2"})
    assert choose(TrainConfig(), steps=LONG, measure=never).policy == "float32"
    stated = choose(TrainConfig(mixed_precision="mixed_float16"), steps=LONG, measure=never)
    assert stated.policy == "mixed_float16"


@pytest.mark.usefixtures("half")
def test_workers_do_not_choose_each_for_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert choose(TrainConfig(), steps=LONG, measure=never).policy == "float32"


@pytest.mark.parametrize(
    ("seconds", "policy"), [(0.05, "mixed_bfloat16"), (0.095, "float32"), (0.2, "float32")]
)
@pytest.mark.usefixtures("half")
def test_half_precision_has_to_win_by_a_tenth(seconds: float, policy: str):
    choice = choose(
        TrainConfig(), steps=LONG, measure=measured(float32=0.1, mixed_bfloat16=seconds)
    )
    assert choice.policy == policy
    assert choice.why == f"measured a step: float32 0.100 s, mixed_bfloat16 {seconds:.3f} s"
    assert choice.seconds == {"float32": 0.1, "mixed_bfloat16": seconds}


def test_a_step_takes_the_median_of_five_after_two_that_compile():
    ticks = iter([0.0, 1.0, 1.0, 1.5, 2.0, 2.5, 3.0, 9.0, 9.0, 9.25])
    calls: list[int] = []
    assert precision.typical_seconds(lambda: calls.append(0), lambda: next(ticks)) == 0.5
    assert len(calls) == 7
    assert next(ticks, None) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16\n\nflags\t: fpu\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t\t: fpu avx512f\n", False),
        ("", False),
    ],
)
def test_bfloat16_is_read_from_the_first_cpus_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: bool
):
    file = tmp_path / "cpuinfo"
    file.write_text(text)
    flags = precision.cpu_flags(str(file))
    assert precision.cpu_flags(str(tmp_path / "none")) == set()
    monkeypatch.setattr(precision, "cpu_flags", lambda: flags)
    assert precision.candidate() == ("mixed_bfloat16" if found else "float32")


@pytest.mark.usefixtures("half")
def test_a_run_measures_real_steps_and_a_resumed_run_keeps_the_choice(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = TrainConfig(weights="none", alpha=0.75, image_size=32, batch_size=2, epochs=1)
    train, val = (Source.of(f"{examples}/Split-{one}/*", one) for one in ("train", "val"))
    for name, value in (("FEWEST_STEPS", 1), ("_LEAST_GAIN", 0.0), ("_MEASURED", 1)):
        monkeypatch.setattr(precision, name, value)
    first = loop.Run(train, val, config, str(tmp_path), Watch(), None)
    first._save()
    kept = Choice(*checkpoint.load_latest(str(tmp_path)).facts["precision"])
    assert kept.policy == "mixed_bfloat16"
    assert all(0 < seconds < 60 for seconds in kept.seconds.values())
    monkeypatch.setattr(loop, "choose", never)
    again = loop.Run(train, val, config, str(tmp_path), Watch(), None)
    assert again.network.model.compute_dtype == "bfloat16"
