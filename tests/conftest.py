"""What every test gets: quiet TensorFlow, no GPU, no writes to the user's home, repeatable examples."""

from __future__ import annotations

import os
import random
import sys
import tempfile

import hypothesis
import pytest

# Read by TensorFlow and Keras when they are first imported, so set before any test module is.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
_KERAS_HOME = tempfile.TemporaryDirectory(prefix="imagemill-tests-keras-")
os.environ["KERAS_HOME"] = _KERAS_HOME.name

# No deadline: the machine may be busy, and a slow example is not a wrong one.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile(
    "ci", deadline=None, derandomize=True, print_blob=True, database=None
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """The same draws in every run, whatever ran before: Keras takes the seeds of its layers from Python's `random`."""
    random.seed(0)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)
