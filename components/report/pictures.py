"""Pictures that are made for the report, rather than copied: heat maps and augmented images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from components.report.content import Picture
from components.report.heatmap import Looker, NoFeatureMapError, overlay
from components.report.thumbnails import Album
from trainer.config import TrainConfig


def rendered(pixels: Any, path: str, alt: str, album: Album) -> Picture:
    """Pixels, uint8 [H, W, 3], as a thumbnail."""
    return album.drawn(Image.fromarray(np.asarray(pixels, np.uint8)), path, alt)


def heat_pictures(
    model: str,
    paths: Sequence[str],
    images: Mapping[str, bytes],
    album: Album,
    config: TrainConfig,
    notes: list[str],
) -> dict[str, Picture]:
    """Grad-CAM of the model's answers by path; a note instead where the model allows none."""
    if not paths:
        return {}
    try:
        heats = Looker(model)([images[path] for path in paths])
    except NoFeatureMapError as error:
        notes.append(f"heat maps ({error})")
        return {}
    return {
        path: album.drawn(
            overlay(_seen(images[path], config), heat), path, "where the model looked"
        )
        for path, heat in zip(paths, heats, strict=True)
    }


def _seen(encoded: bytes, config: TrainConfig) -> Any:
    """The pixels that the model saw, uint8 [S, S, 3]."""
    import tensorflow as tf

    from trainer.image import Geometry, load_center

    return load_center(tf.constant(encoded), Geometry.of(config)).numpy()
