"""Artifacts that take long to make, shared by all tests of the gate."""

from __future__ import annotations

import pytest

from components.data_gate.embedding import EmbeddingSource
from tests.components.data_gate.artifacts import make_artifacts
from tests.components.data_gate.backbones import random_backbone
from tests.components.data_gate.world import clean_rows


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> EmbeddingSource:
    """Where an embedding comes from: a backbone of random weights."""
    return random_backbone(tmp_path_factory.mktemp("weights") / "a.weights.h5", seed=1)


@pytest.fixture(scope="session")
def clean(tmp_path_factory, source):
    """Artifacts of clean data, with an embedding."""
    root = tmp_path_factory.mktemp("clean")
    return root, make_artifacts(root, clean_rows(), source)
