"""In which arithmetic a run trains: what the settings state, or what a few measured steps say.

    choice = choose(config, steps=2000, measure=measure)        # measure: seconds a step under a policy
    with precision(choice.policy):
        network = build(config, 6, 2000)
    choice.why                  # "float32 0.190 s a step, mixed_bfloat16 0.401 s"

Half precision halves the bytes, but whether that is time depends on the device, the libraries and the layers: on a CPU
without instructions for bfloat16 a step takes twice as long in it.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from trainer.config import TrainConfig
from trainer.groups import make_groups
from trainer.mixing import encode_labels
from trainer.model import Network
from trainer.step import TrainStep

FLOAT32 = "float32"
# Two networks are built and traced for a measurement, which costs a few dozen to a few hundred steps.
FEWEST_STEPS = 1000
_LEAST_GAIN = 1.1
_WARMUP, _MEASURED = 2, 5
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
_LOGGER = logging.getLogger(__name__)


class Choice(NamedTuple):
    """A Keras dtype policy and where it comes from.

    Attributes:
      policy: float32, mixed_float16 or mixed_bfloat16.
      why: in one sentence.
      seconds: a step's seconds under each policy that was measured.
    """

    policy: str
    why: str
    seconds: Mapping[str, float] = {}


def choose(config: TrainConfig, *, steps: int, measure: Callable[[str], float]) -> Choice:
    """The arithmetic for a run.

    Args:
      config: `mixed_precision`, and `deterministic`, under which nothing may depend on a clock.
      steps: of the whole run.
      measure: a step's seconds under a policy.
    """
    choice = _stated(config, steps) or _faster(candidate(), measure)
    _LOGGER.info("training in %s: %s", choice.policy, choice.why)
    return choice


def candidate() -> str:
    """The half precision that this machine computes in, or float32 where there is none."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(one) for one in gpus]
    if gpus:
        capable = all(one.get("compute_capability", (0, 0)) >= (7, 0) for one in details)
        return "mixed_float16" if capable else FLOAT32
    return "mixed_bfloat16" if _BFLOAT16_FLAGS & cpu_flags() else FLOAT32


def cpu_flags(path: str = "/proc/cpuinfo") -> set[str]:
    """What the first CPU says that it can do; nothing where the system has no such file."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return set()
    named = (line.partition(":") for line in lines)
    flags = (text for name, _, text in named if name.strip().lower() in ("flags", "features"))
    return set(next(flags, "").split())


def seconds_a_step(
    network: Network, config: TrainConfig, class_count: int, replicas: int = 1
) -> float:
    """Median seconds of a training step on random pixels, on one device; the network is no good afterwards.

    Args:
      network: built inside `precision`.
      config: of the run.
      class_count: number of classes.
      replicas: devices that share a batch.
    """
    variables, groups = make_groups(network, config, 1)
    step = TrainStep(network, variables, config, groups, tf.distribute.get_strategy())
    shape = (config.batch_size // replicas, config.image_size, config.image_size, 3)
    random = np.random.default_rng(0)
    images = tf.constant(random.integers(0, 256, shape, np.uint8))
    labels = tf.constant(random.integers(0, class_count, shape[0]))
    labels = encode_labels(labels, class_count, config.label_mode)
    numbers = itertools.count()

    def run() -> None:
        step(images, labels, rate=1e-5, number=next(numbers)).loss.numpy()

    return typical_seconds(run)


def typical_seconds(
    run: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> float:
    """Median seconds of a call, the first two left out."""
    for _ in range(_WARMUP):
        run()
    taken = []
    for _ in range(_MEASURED):
        started = clock()
        run()
        taken.append(clock() - started)
    return statistics.median(taken)


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Inside, new Keras layers have this dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _stated(config: TrainConfig, steps: int) -> Choice | None:
    """The choice where it can be made without a clock."""
    if config.mixed_precision != "auto":
        return Choice(config.mixed_precision, "`mixed_precision` says so")
    if candidate() == FLOAT32:
        return Choice(FLOAT32, "this machine has no instructions for another")
    if config.deterministic:
        return Choice(FLOAT32, "`deterministic` leaves no choice to a clock")
    if os.environ.get("TF_CONFIG"):
        return Choice(FLOAT32, "several workers could measure differently")
    if steps < FEWEST_STEPS:
        return Choice(FLOAT32, f"{steps} steps are too few for measuring to pay")
    return None


def _faster(half: str, measure: Callable[[str], float]) -> Choice:
    seconds = {policy: measure(policy) for policy in (FLOAT32, half)}
    figures = ", ".join(f"{name} {value:.3f} s" for name, value in seconds.items())
    wins = seconds[half] * _LEAST_GAIN < seconds[FLOAT32]
    return Choice(half if wins else FLOAT32, f"measured a step: {figures}", seconds)
