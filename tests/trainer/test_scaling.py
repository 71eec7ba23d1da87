from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from trainer.scaling import LossScale


@pytest.mark.parametrize("overflow", [np.inf, np.nan])
def test_an_overflow_halves_the_factor_and_leaves_the_step_out(overflow: float) -> None:
    scale = LossScale()
    assert scale.update(tf.constant(1.0))
    assert not scale.update(tf.constant(overflow, tf.float32))
    np.testing.assert_array_equal(scale.state, [2.0**14, 0])


def test_the_factor_doubles_after_two_thousand_good_steps_and_never_falls_below_one() -> None:
    scale = LossScale()
    scale.state.assign([4.0, 1998.0])
    assert scale.update(tf.constant(1.0))
    np.testing.assert_array_equal(scale.state, [4, 1999])
    assert scale.update(tf.constant(1.0))
    np.testing.assert_array_equal(scale.state, [8, 0])
    scale.state.assign([1.0, 0.0])
    assert not scale.update(tf.constant(np.inf))
    assert scale.factor == 1
