"""Real files, many broken on purpose: each is an example with the same pixels in TensorFlow, or a dead letter."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.dead_letter import REASONS
from components.image_example_gen.decoder import decode
from tests.components.image_example_gen.running import dead_letters, ingest, read_examples
from tests.shared import shared_path


def _accurately_decoded(encoded: bytes) -> Any:
    """By TensorFlow; its default transform is the fast one, which differs a little on any JPEG."""
    import tensorflow as tf

    if encoded.startswith(b"\xff\xd8"):
        return tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE").numpy()
    return tf.io.decode_png(encoded, channels=3).numpy()


@pytest.mark.e2e
def test_every_file_of_the_corpus_is_an_example_or_a_dead_letter(tmp_path: Path) -> None:
    corpus = shared_path("corpus")
    ingest(corpus, tmp_path, IngestConfig(max_corrupt_share=1))
    found = Counter(str(path.relative_to(corpus)) for path in corpus.rglob("*") if path.is_file())
    letters = dead_letters(tmp_path)
    accounted = Counter(letter.path for letter in letters)
    for _, features in read_examples(tmp_path):
        accounted[features["image/path"].decode()] += 1
        pixels = _accurately_decoded(features["image/encoded"])
        assert pixels.shape == (features["image/height"], features["image/width"], 3)
        np.testing.assert_array_equal(pixels, np.asarray(decode(features["image/encoded"])))
    assert accounted == found
    assert {letter.reason for letter in letters} <= REASONS.keys()
