"""Any of Pillow's pixel modes as opaque 8-bit RGB.

Pillow's own `convert("RGB")` cuts 16-bit greys off at 255, so nearly all of a 16-bit scan turns white, and it drops
transparency, so what lay hidden under transparent pixels shows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

_WIDE = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_SEE_THROUGH = ("RGBA", "LA", "PA", "La", "RGBa")


def to_rgb(image: Image.Image, background: tuple[int, int, int], white: int = 65535) -> Image.Image:
    """Converts a decoded image; the result has mode RGB and may be the image itself.

    Args:
      image: any mode.
      background: RGB, 0 to 255, that shows through transparent pixels.
      white: the grey that becomes 255 where there are more than 8 bits (`depths`).
    """
    if image.mode in _WIDE:
        image = Image.fromarray(scale_to_8_bits(np.asarray(image), white))
    if image.mode in _SEE_THROUGH or "transparency" in image.info:
        return _over(image, background)
    return image if image.mode == "RGB" else image.convert("RGB")


def scale_to_8_bits(values: npt.NDArray[np.generic], white: int = 65535) -> npt.NDArray[np.uint8]:
    """Greys of any depth as uint8, order kept.

    0 to `white` becomes 0 to 255, unless they are floats that fit 0 to 1 or 0 to 255, which are taken as such.
    Anything else is stretched from its least to its greatest value. NaN counts as 0, infinities as the nearest finite
    value.
    """
    if values.dtype == np.uint16:
        scaled_up = values.astype(np.uint32) * 510 + white
        return np.asarray(np.minimum(scaled_up // (2 * white), 255).astype(np.uint8))
    wide = np.nan_to_num(np.asarray(values, dtype=np.float64), posinf=None, neginf=None)
    low, high = float(wide.min()), float(wide.max())
    if low >= 0 and np.issubdtype(values.dtype, np.floating) and high <= 255:
        scaled = wide * 255 if high <= 1 else wide
    elif low >= 0 and high <= 65535:
        scaled = wide * (255 / white)
    else:
        scaled = (wide / 2 - low / 2) / max(high / 2 - low / 2, 1e-300) * 255
    return np.asarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))


def _over(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """The image laid over a plain colour."""
    rgba = image.convert("RGBA")
    canvas = Image.new("RGBA", rgba.size, (*background, 255))
    return Image.alpha_composite(canvas, rgba).convert("RGB")
