from __future__ import annotations

import pytest

from trainer.health import Health


def test_a_falling_noisy_loss_is_fine() -> None:
    health = Health()
    losses = [2.3, 1.9, 2.6, 1.5] * 5 + [0.5, 3.0, 0.4, 0.3] * 20
    assert [health.problem(one) for one in losses] == [None] * len(losses)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_not_a_number_is_a_problem_at_once(bad: float) -> None:
    assert Health().problem(bad) == f"the loss is {bad}"


def test_an_explosion_is_a_problem_soon() -> None:
    health = Health()
    for _ in range(20):
        assert health.problem(1.0) is None
    problems = [health.problem(40.0) for _ in range(5)]
    assert problems[0] is not None or problems[1] is not None
    assert "rose from 1" in next(one for one in problems if one)
