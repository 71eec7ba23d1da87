"""What is kept of an image to recognise it again: a 64-bit perceptual hash and a 16x16 thumbnail.

    mark = fingerprint(rgb)
    mark.phash, mark.thumbnail

Made from the image as it is stored (upright, scaled down), never from the raw file. The hash is
cheap to search (`components.near_duplicates`), the thumbnail decides. NumPy only.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

HASH_BITS = 64
THUMBNAIL_SIDE = 16

_HASH_SIDE = 32
_FLAT_COEFFICIENT = 1e-3
_FLAT_DETAIL = 0.75
_CHUNK_PAIRS = 1 << 14

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """What is kept of one image.

    Attributes:
      phash: 64 bits as a signed integer, as tf.Example holds it; compared by differing bits.
      thumbnail: 256 bytes, 16x16 brightness values in row order.
    """

    phash: int
    thumbnail: bytes


def fingerprint(rgb: npt.NDArray[np.uint8]) -> Fingerprint:
    """Fingerprint of one upright image, uint8 [height, width, 3] or [height, width], from 1x1."""
    grey = _brightness(rgb)
    small = grey if grey.shape == (_HASH_SIDE, _HASH_SIDE) else _shrink(grey, _HASH_SIDE)
    tiny = _shrink(small, THUMBNAIL_SIDE)
    return Fingerprint(_hash_of(small), np.clip(np.rint(tiny), 0, 255).astype(np.uint8).tobytes())


def similarities(pairs: npt.NDArray[np.int64], thumbnails: Sequence[bytes]) -> Floats:
    """Correlation of fine detail of each pair, float64 [pairs], from -1 to 1.

    Detail is what a pixel has over the mean of its neighbours: two sea horizons share the slow
    change from light above to dark below, but not the detail. An image without detail (blank, fog)
    resembles nothing and gets 0.

    Args:
      pairs: int64 [pairs, 2], indices into `thumbnails`.
      thumbnails: 256 bytes an image, as `Fingerprint.thumbnail`.
    """
    return _products(pairs, thumbnails, _detail)


def correlations(pairs: npt.NDArray[np.int64], thumbnails: Sequence[bytes]) -> Floats:
    """Correlation of whole thumbnails of each pair, float64 [pairs], from -1 to 1; as `similarities`."""
    return _products(pairs, thumbnails, _whole)


def _products(
    pairs: npt.NDArray[np.int64],
    thumbnails: Sequence[bytes],
    describe: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
) -> Floats:
    """Scalar products of what `describe` makes of each pair's thumbnails."""
    if not len(pairs):
        return np.zeros(0)
    wanted, position = np.unique(pairs, return_inverse=True)
    data = b"".join(thumbnails[index] for index in wanted)
    pixels = np.frombuffer(data, np.uint8).reshape(-1, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    vectors = describe(pixels.astype(np.float32))
    left, right = position.reshape(-1, 2).T
    starts = range(0, len(left), _CHUNK_PAIRS)
    chunks = [slice(start, start + _CHUNK_PAIRS) for start in starts]
    parts = [np.einsum("pd,pd->p", vectors[left[c]], vectors[right[c]]) for c in chunks]
    return np.concatenate(parts, dtype=np.float64)


def _brightness(image: npt.NDArray[np.uint8]) -> Floats:
    if image.ndim == 2:
        return image.astype(np.float64)
    grey: Floats = image[..., :3] @ np.array([0.299, 0.587, 0.114])
    return grey


def _shrink(grey: Floats, side: int) -> Floats:
    """Area average of [height, width] as [side, side]; the aspect ratio is given up."""
    rows, columns = _averaging(grey.shape[0], side), _averaging(grey.shape[1], side)
    small: Floats = rows @ grey @ columns.T
    return small


@functools.lru_cache(maxsize=256)
def _averaging(length: int, side: int) -> Floats:
    """Weights [side, length] that average over `side` equal stretches of `length` pixels."""
    edges = np.linspace(0, length, side + 1)
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    weights: Floats = np.clip(overlap, 0, 1) * (side / length)
    return weights


@functools.lru_cache(maxsize=1)
def _cosines() -> Floats:
    """The twelve slowest waves of the discrete cosine transform, [12, 32]."""
    position = np.arange(_HASH_SIDE)
    angles = np.pi * (2 * position + 1) * np.arange(12)[:, None] / (2 * _HASH_SIDE)
    waves: Floats = np.cos(angles)
    return waves


@functools.lru_cache(maxsize=1)
def _hashed_coefficients() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows and columns of the 64 slowest two-dimensional waves, the constant one left out."""
    every = sorted(np.ndindex(12, 12), key=lambda at: (at[0] + at[1], at))[1 : HASH_BITS + 1]
    rows, columns = np.array(every, dtype=np.int64).T
    return rows, columns


def _hash_of(small: Floats) -> int:
    """Signs of the slowest waves; a flat image hashes to 0 on every machine."""
    waves = _cosines() @ small @ _cosines().T
    bits = waves[_hashed_coefficients()] > _FLAT_COEFFICIENT
    return int.from_bytes(np.packbits(bits).tobytes(), "big", signed=True)


def _detail(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Each inner pixel minus the mean around it, as unit vectors [images, 196]."""
    rows = pixels[:, :-2] + pixels[:, 1:-1] + pixels[:, 2:]
    around = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
    return _unit((pixels[:, 1:-1, 1:-1] - around).reshape(len(pixels), -1))


def _whole(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Each pixel minus the mean of all, as unit vectors [images, 256]."""
    flat = pixels.reshape(len(pixels), -1)
    return _unit(flat - flat.mean(axis=1, keepdims=True))


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scaled to length 1; what is flat but for noise becomes zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    least = _FLAT_DETAIL * np.sqrt(np.float32(vectors.shape[1]))
    unit: npt.NDArray[np.float32] = np.where(
        length > least, vectors / np.maximum(length, 1e-9), np.float32(0)
    )
    return unit
