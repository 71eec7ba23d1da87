"""What is measured of every image: numbers on which drift and damage show.

    measure(image, source_size=(4000, 3000), source_bytes=2_400_000)["sharpness"]

Computed from the pixels that are stored (before re-encoding), so figures of one dataset compare.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

NAMES = (
    "aspect_ratio",
    "brightness",
    "bytes_per_pixel",
    "contrast",
    "entropy",
    "megapixels",
    "saturation",
    "sharpness",
)
_SATURATION_SIDE = 64
_CHUNK = 32_768


def measure(
    image: Image.Image,
    *,
    source_size: tuple[int, int],
    source_bytes: int,
    grey: Image.Image | None = None,
) -> dict[str, float]:
    """Measures one image.

    Args:
      image: mode RGB, as stored.
      source_size: width and height of the source in pixels.
      source_bytes: size of the source file.
      grey: `image` in mode L, where the caller has it already.

    Returns:
      By name, in the order of `NAMES`:
      aspect_ratio: width / height of the source. brightness: mean grey, 0 to 255. bytes_per_pixel: of the source file.
      contrast: standard deviation of grey, 0 to 127.5. entropy: of the grey histogram, 0 to 8 bits. megapixels: of the
      source, in millions. saturation: mean of (max - min) / max over the channels, 0 to 1. sharpness: variance of
      the grey Laplacian, from 0; below about 100 an image of usual size looks blurred (Pech-Pacheco et al., ICPR 2000).
    """
    grey = grey or image.convert("L")
    brightness, contrast, entropy = _from_histogram(np.asarray(grey.histogram(), dtype=np.float64))
    width, height = source_size
    return {
        "aspect_ratio": width / height,
        "brightness": brightness,
        "bytes_per_pixel": source_bytes / (width * height),
        "contrast": contrast,
        "entropy": entropy,
        "megapixels": width * height / 1e6,
        "saturation": _saturation(image),
        "sharpness": _sharpness(np.asarray(grey)),
    }


def _from_histogram(counts: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean, standard deviation and entropy in bits of greys counted in 256 bins."""
    share = counts / counts.sum()
    levels = np.arange(256)
    mean = float(share @ levels)
    variance = float(share @ (levels - mean) ** 2)
    seen = share[share > 0]
    return mean, float(np.sqrt(variance)), abs(float(seen @ np.log2(seen)))


def _saturation(image: Image.Image) -> float:
    side = (min(image.width, _SATURATION_SIDE), min(image.height, _SATURATION_SIDE))
    small = np.asarray(image.resize(side, Image.Resampling.NEAREST))
    # Channel by channel: NumPy is ten times slower along an axis of three.
    red, green, blue = (np.ascontiguousarray(small[..., channel]) for channel in range(3))
    high = np.maximum(np.maximum(red, green), blue)
    low = np.minimum(np.minimum(red, green), blue)
    return float(np.mean((high - low) / np.maximum(high, 1), dtype=np.float64))


def _sharpness(grey: npt.NDArray[np.uint8]) -> float:
    """Variance of the 4-neighbour Laplacian over the interior; 0 where there is none."""
    if min(grey.shape) < 3:
        return 0.0
    # A few rows at a time, so that what lies in between stays in the processor's cache.
    rows = max(1, _CHUNK // grey.shape[1])
    total = squares = 0.0
    for top in range(0, grey.shape[0] - 2, rows):
        laplacian = _laplacian(grey[top : top + rows + 2])
        # Sums of integers are exact in float64, whatever order a machine takes them in.
        values = laplacian.astype(np.float64).ravel()
        total += float(values.sum())
        squares += float(np.dot(values, values))
    count = (grey.shape[0] - 2) * (grey.shape[1] - 2)
    return float(max(squares / count - (total / count) ** 2, 0.0))


def _laplacian(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    wide = grey.astype(np.int16)
    laplacian: npt.NDArray[np.int16] = wide[:-2, 1:-1] + wide[2:, 1:-1]
    laplacian += wide[1:-1, :-2]
    laplacian += wide[1:-1, 2:]
    laplacian -= 4 * wide[1:-1, 1:-1]
    return laplacian
