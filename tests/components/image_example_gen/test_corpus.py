"""Real files, many broken on purpose: each one is an example that TensorFlow can decode, or a dead letter."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.dead_letter import REASONS
from tests.components.image_example_gen.running import dead_letters, ingest, read_examples
from tests.shared import shared_path


@pytest.mark.e2e
def test_every_file_of_the_corpus_is_an_example_or_a_dead_letter(tmp_path: Path) -> None:
    import tensorflow as tf

    corpus = shared_path("corpus")
    ingest(corpus, tmp_path, IngestConfig(max_corrupt_share=1))
    found = Counter(str(path.relative_to(corpus)) for path in corpus.rglob("*") if path.is_file())
    letters = dead_letters(tmp_path)
    accounted = Counter(letter.path for letter in letters)
    for _, features in read_examples(tmp_path):
        accounted[features["image/path"].decode()] += 1
        pixels = tf.io.decode_image(features["image/encoded"], channels=3, expand_animations=False)
        assert pixels.shape == (features["image/height"], features["image/width"], 3)
    assert accounted == found
    assert {letter.reason for letter in letters} <= REASONS.keys()
