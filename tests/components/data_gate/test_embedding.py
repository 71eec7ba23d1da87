"""Numbers of what images show: stable, named after their weights, in TFDV's statistics and compared like measures."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import numpy as np
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from PIL import Image
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.util import tfxio_utils

from components.data_gate.anomalies import Statistics, read_all_statistics, stored_only
from components.data_gate.compare import drift_findings, embedding_notes
from components.data_gate.config import DriftConfig, EmbeddingConfig
from components.data_gate.embedding import (
    EmbeddingSource,
    _directions,
    load_embedder,
    weights_at_hand,
)
from components.data_gate.embedding_statistics import (
    EmbeddingStatistics,
    add_statistics,
    read_schema,
)
from components.data_gate.schema_store import SchemaStore
from components.image_example_gen.measures import NAMES, measure
from tests.components.data_gate.artifacts import run_gate
from tests.components.data_gate.backbones import COMPONENTS, random_backbone
from tests.components.data_gate.world import jpeg, photo, png
from trainer.config import TrainConfig
from trainer.errors import UserError
from trainer.features import EMBEDDING_PREFIX, SPLITS, STAT_PREFIX


def _columns(dataset) -> set[str]:
    return {".".join(feature.path.step) for feature in dataset.features}


def test_numbers_depend_on_the_image_alone(source):
    embedder = load_embedder(source)
    images = [jpeg(photo(seed)) for seed in range(40)]
    together = embedder(images)
    alone = np.concatenate([embedder([image]) for image in images])
    assert together.shape == (40, COMPONENTS)
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together * 1024, np.round(together * 1024))
    assert (together.std(0) > 0).all()
    assert embedder([]).shape == (0, COMPONENTS)


def test_directions_never_change():
    expected = [[0.406592, -0.222098], [0.052269, 0.548813], [0.538567, -1.360358]]
    np.testing.assert_allclose(_directions(3, 2), expected, atol=1e-6)
    # More components keep those that there were.
    np.testing.assert_array_equal(_directions(3, 5)[:, :2], _directions(3, 2))


def test_other_weights_and_sides_have_other_names(source, tmp_path: Path):
    other = random_backbone(tmp_path / "b.weights.h5", seed=2)
    sides = source.model_copy(update={"side": 48})
    names = {load_embedder(each).names for each in (source, other, sides)}
    assert len(names) == 3
    assert len({load_embedder(source).names, load_embedder(source).names}) == 1


def test_without_weights_there_is_none(tmp_path: Path, monkeypatch):
    assert EmbeddingSource.of(EmbeddingConfig(), TrainConfig(weights="none")) is None
    assert EmbeddingSource.of(EmbeddingConfig(components=0), TrainConfig()) is None
    imagenet = EmbeddingSource.of(EmbeddingConfig(), TrainConfig(weights="imagenet"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert imagenet
    assert not weights_at_hand(imagenet)
    name = "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / name).touch()
    assert weights_at_hand(imagenet)
    gone = imagenet.model_copy(update={"weights": str(tmp_path / "gone.h5")})
    assert not weights_at_hand(gone)
    with pytest.raises(UserError, match=r"gone\.h5"):
        load_embedder(gone)


def test_statistics_have_the_numbers_in_every_slice_marked_as_derived(clean, source):
    root, _ = clean
    names = set(load_embedder(source).names)
    for split in SPLITS:
        datasets = read_all_statistics(str(root / "statistics"))[split].datasets
        assert len(datasets) == 3
        for dataset in datasets:
            assert {n for n in _columns(dataset) if n.startswith(EMBEDDING_PREFIX)} == names
            assert "stat/brightness" in _columns(dataset)
    derived = [f for f in datasets[0].features if f.HasField("validation_derived_source")]
    assert {".".join(feature.path.step) for feature in derived} == names
    assert all(feature.num_stats.common_stats.num_non_missing == 16 for feature in derived)


def test_a_schema_asks_no_example_for_them(clean, tmp_path: Path):
    root, inputs = clean
    inferred = text_format.Parse(
        (root / "schema" / "schema.pbtxt").read_text(), schema_pb2.Schema()
    )
    stage = schema_pb2.LifecycleStage.VALIDATION_DERIVED
    derived = [f for f in inferred.feature if f.name.startswith(EMBEDDING_PREFIX)]
    assert len(derived) == COMPONENTS
    assert all(feature.lifecycle_stage == stage for feature in derived)
    report = run_gate(tmp_path, inputs, registry=tmp_path / "registry")
    assert report.findings == ()
    accepted = SchemaStore(str(tmp_path / "registry"), "m").accepted()
    assert accepted
    assert not any(f.name.startswith(EMBEDDING_PREFIX) for f in accepted.schema.feature)
    # The next run fits that schema as well.
    assert run_gate(tmp_path, inputs, registry=tmp_path / "registry").findings == ()


def test_two_runs_make_the_same_statistics(clean, source, tmp_path: Path):
    root, inputs = clean
    first = root / "statistics/Split-test/FeatureStats.pb"
    again, added = tmp_path / "again.pb", tmp_path / "embedding.pb"
    tfxio = tfxio_utils.get_split_tfxio(inputs["examples"], "test", ["test"], read_schema())
    with beam.Pipeline(argv=["--runner=FnApiRunner"]) as pipeline:
        _ = pipeline | EmbeddingStatistics(tfxio, source, str(added))
    without = stored_only(Statistics.FromString(first.read_bytes()))
    again.write_bytes(without.SerializeToString())
    add_statistics(str(again), str(added))
    assert again.read_bytes() == first.read_bytes()
    assert not added.exists()
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def _stripes(seed: int, *, upright: bool) -> Image.Image:
    """Stripes of any width and tone; upright or not, every measure is the same."""
    rng = np.random.default_rng(seed)
    wave = np.sin(np.arange(64) / rng.uniform(1, 4) + rng.uniform(0, 6)) > 0
    pixels = np.where(wave[None, :, None], rng.integers(0, 256, 3), rng.integers(0, 256, 3))
    pixels = np.broadcast_to(pixels, (64, 64, 3)).astype(np.uint8)
    return Image.fromarray(pixels if upright else np.ascontiguousarray(pixels.transpose(1, 0, 2)))


def _statistics(source: EmbeddingSource, seeds: range, *, upright: bool):
    images = [_stripes(seed, upright=upright) for seed in seeds]
    embedder = load_embedder(source)
    numbers = embedder([png(image) for image in images])
    measured = [measure(image, source_size=image.size, source_bytes=1000) for image in images]
    frame = pd.DataFrame([{STAT_PREFIX + name: v for name, v in one.items()} for one in measured])
    frame[list(embedder.names)] = numbers
    return {"train": tfdv.generate_statistics_from_dataframe(frame.astype("float32"), n_jobs=1)}


def test_a_change_that_no_measure_sees_is_found(source):
    before = _statistics(source, range(200), upright=True)
    assert (
        drift_findings(_statistics(source, range(200, 400), upright=True), before, DriftConfig())
        == []
    )
    [raw] = drift_findings(
        _statistics(source, range(200, 400), upright=False), before, DriftConfig()
    )
    assert raw.kind == "feature_drift"
    assert {item.subject.split()[0] for item in raw.items} == {"embedding"}
    assert raw.total == len(NAMES) + COMPONENTS


def test_other_weights_are_not_compared(clean):
    root, _ = clean
    ours = read_all_statistics(str(root / "statistics"))
    theirs = {}
    for split, found in ours.items():
        renamed = type(found)()
        renamed.CopyFrom(found)
        for dataset in renamed.datasets:
            for feature in dataset.features:
                step = feature.path.step
                step[0] = step[0].replace(EMBEDDING_PREFIX, f"{EMBEDDING_PREFIX}other-")
        theirs[split] = renamed
    assert drift_findings(ours, theirs, DriftConfig()) == []
    assert embedding_notes(ours, ours) == embedding_notes(ours, {}) == []
    [note] = embedding_notes(ours, theirs)
    assert note.endswith("they come from other weights")
