"""Pixels of new images against the histograms of the model in service."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.listing import list_images
from components.model_pusher.registry import Registry
from components.retrain_check.config import DriftConfig
from components.retrain_check.image_drift import REFERENCE, distance, histograms, image_drift
from tests.components.model_pusher.fakes import make_model


def statistics(low: float, high: float) -> bytes:
    """As TFDV writes it: brightness spread evenly over ten bins."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    result = statistics_pb2.DatasetFeatureStatisticsList()
    feature = result.datasets.add().features.add()
    feature.path.step.append("stat/brightness")
    histogram = feature.num_stats.histograms.add()
    edges = np.linspace(low, high, 11)
    for start, end in itertools.pairwise(edges):
        histogram.buckets.add(low_value=start, high_value=end, sample_count=10)
    return result.SerializeToString()


def write_greys(folder: Path, low: int, high: int, count: int = 60) -> None:
    folder.mkdir(parents=True)
    for i, grey in enumerate(np.linspace(low, high, count)):
        body = io.BytesIO()
        Image.new("RGB", (16, 16), (int(grey),) * 3).save(body, "PNG")
        (folder / f"{i}.png").write_bytes(body.getvalue())
    (folder / "broken.png").write_bytes(b"no image")


def test_distance_by_hand():
    edges, counts = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0])
    assert distance([0.5, 1.5], edges, counts) == pytest.approx(0)
    assert distance([5.0, -1.0], edges, counts) == pytest.approx(1)
    assert distance([0.5], edges, counts) == pytest.approx(0.311278, abs=1e-6)


def test_only_measures_are_read():
    edges, counts = histograms(statistics(0, 10))["brightness"]
    assert edges.tolist() == list(range(11))
    assert counts.tolist() == [10] * 10


@pytest.mark.parametrize(("low", "high", "drifted"), [(50, 200, False), (1, 20, True)])
def test_dark_images_drift(tmp_path: Path, low: int, high: int, drifted: bool):
    write_greys(tmp_path / "p" / "a", low, high)
    write_greys(tmp_path / "p" / "b", low, high)
    record = {REFERENCE: statistics(50, 200)}
    registry = Registry(str(tmp_path / "r"), "m")
    version = registry.push(make_model(tmp_path / "x", "x"), record).version
    ingest = IngestConfig()
    files = list_images(str(tmp_path / "p"), ingest).files
    (finding,) = image_drift(DriftConfig(sample=100), files, version, ingest, "seed")
    assert (finding.what, finding.drifted) == ("brightness", drifted)
