"""Photos as small data URIs, within a budget, so that the page stays small however large the data is.

album = Album(images, side=128, room=4_500_000)
album.picture("sea/1.jpg", alt="sea").src
album.left_out                      # photos for which there was no room
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

from PIL import Image

from components.report.content import Picture

_QUALITY = 72


class Album:
    """Hands out thumbnails, first come first served.

    Args:
      images: encoded images by path.
      side: longer side in pixels.
      room: bytes of all data URIs together.
    """

    def __init__(self, images: Mapping[str, bytes], *, side: int, room: int) -> None:
        self._images = images
        self._side = side
        self._room = room
        self.left_out = 0

    def picture(self, path: str, alt: str = "") -> Picture:
        """The thumbnail of a photo; without pixels where it is unknown or there is no room."""
        encoded = self._images.get(path)
        if encoded is None:
            return Picture(path=path, alt=alt)
        with Image.open(io.BytesIO(encoded)) as image:
            return self.drawn(image, path, alt)

    def notes(self) -> tuple[str, ...]:
        """What had no room, for the reader."""
        return (f"{self.left_out} thumbnails (report.max_bytes)",) if self.left_out else ()

    def drawn(self, image: Image.Image, path: str, alt: str = "") -> Picture:
        """The thumbnail of pixels that were made for the report."""
        small = image.convert("RGB")
        if max(small.size) > self._side:
            small.thumbnail((self._side, self._side))
        uri = data_uri(small)
        if len(uri) > self._room:
            self.left_out += 1
            return Picture(path=path, alt=alt)
        self._room -= len(uri)
        return Picture(path=path, alt=alt, src=uri)


def data_uri(image: Image.Image) -> str:
    """A JPEG as a data URI."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
