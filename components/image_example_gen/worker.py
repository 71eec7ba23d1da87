"""The process that decodes: reads requests from one pipe, writes results to another, and dies alone.

Started by `sandbox.Sandbox`, one per Beam worker thread; imports nothing heavier than Pillow and NumPy. Before each
file it arms a timer of the kernel that ends the process even inside a C decoder, and its address space is limited,
so neither a hang nor a bomb nor a crash in a decoder reaches the pipeline.

A message is `<II` lengths of head and body, then the head (JSON) and the body (bytes).
"""

from __future__ import annotations

import hashlib
import io
import json
import queue
import resource
import signal
import struct
import sys
import threading
import warnings
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from PIL import Image

from components.fingerprints import fingerprint
from components.image_example_gen import decoder, measures
from components.image_example_gen.example import Feature, encode_example
from components.image_example_gen.records import frame
from trainer import features

LENGTHS = struct.Struct("<II")
WALL_FACTOR = 10
_HASH_SIDE = 32
Head = dict[str, Any]


def read_message(stream: IO[bytes]) -> tuple[Head, bytes] | None:
    """The next message, or None at the end of the stream, even in the middle of a message."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head_length, body_length = LENGTHS.unpack(lengths)
    head, body = stream.read(head_length), stream.read(body_length)
    if len(head) < head_length or len(body) < body_length:
        return None
    return json.loads(head), body


def write_message(stream: IO[bytes], head: Mapping[str, Any], body: bytes = b"") -> None:
    """Writes one message and flushes."""
    encoded = json.dumps(head).encode()
    stream.write(LENGTHS.pack(len(encoded), len(body)))
    stream.write(encoded)
    stream.write(body)
    stream.flush()


def make_example(request: Head, data: bytes, settings: Head) -> tuple[Head, bytes]:
    """Turns the content of a file into a framed record and what the grouping needs to know of it.

    Args:
      request: `name`, `class_name`, `label` and `columns` of the file.
      data: its content.
      settings: `stored_size`, `jpeg_quality`, `max_pixels`, `background`.

    Raises:
      DecodeError: it is no image that can be stored.
    """
    prepared = _prepare(data, settings)
    sha256 = hashlib.sha256(data).hexdigest()
    grey = prepared.image.convert("L")
    small = grey.resize((_HASH_SIDE, _HASH_SIDE), Image.Resampling.BOX)
    print_ = fingerprint(np.asarray(small))
    size = (prepared.source_width, prepared.source_height)
    stats = measures.measure(prepared.image, source_size=size, source_bytes=len(data), grey=grey)
    record: dict[str, Feature] = {
        features.IMAGE: [prepared.encoded],
        features.FORMAT: [prepared.format.encode()],
        features.HEIGHT: [prepared.height],
        features.WIDTH: [prepared.width],
        features.LABEL: [int(request["label"])],
        features.CLASS_NAME: [request["class_name"].encode()],
        features.PATH: [request["name"].encode()],
        features.SHA256: [sha256.encode()],
        features.PERCEPTUAL_HASH: [print_.phash],
        features.THUMBNAIL: [print_.thumbnail],
        **{features.STAT_PREFIX + name: [value] for name, value in stats.items()},
        **{
            features.COLUMN_PREFIX + name: _column(value)
            for name, value in request["columns"].items()
        },
    }
    head = {"sha256": sha256, "phash": print_.phash, "thumbnail": print_.thumbnail.hex()}
    return head, frame(encode_example(record))


def make_image(data: bytes, settings: Head) -> tuple[Head, bytes]:
    """The stored image alone, as a model is sent it. Raises: DecodeError."""
    return {}, _prepare(data, settings).encoded


def _prepare(data: bytes, settings: Head) -> decoder.Prepared:
    return decoder.prepare(
        data,
        stored_size=settings["stored_size"],
        jpeg_quality=settings["jpeg_quality"],
        limits=decoder.Limits(settings["max_pixels"], tuple(settings["background"])),
    )


def _column(value: int | float | str) -> Feature:
    return [value.encode()] if isinstance(value, str) else [value]  # type: ignore[list-item]


def main() -> None:
    """Serves requests until the input ends. The first message carries the settings."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None
    output, source = sys.stdout.buffer, sys.stdin.buffer
    # Ctrl-C reaches every process of a terminal; this one ends when its owner closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A decoder that prints would break the protocol.
    sys.stdout = sys.stderr
    first = read_message(source)
    if first is None:
        return
    settings = first[0]
    _warm_up(settings)
    _limit_memory(settings["memory_mb"])
    waiting: queue.Queue[tuple[Head, bytes] | None] = queue.Queue(maxsize=2)
    threading.Thread(target=_receive, args=(source, waiting), daemon=True).start()
    while (message := waiting.get()) is not None:
        write_message(output, *_answer(*message, settings))


def _warm_up(settings: Head) -> None:
    """Loads what Pillow and NumPy load on first use, so that it counts against no file's time."""
    request = {"name": "", "class_name": "", "label": 0, "columns": {}}
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        buffer = io.BytesIO()
        Image.new("RGB", (4, 4)).save(buffer, kind)
        make_example(request, buffer.getvalue(), settings)


def _receive(source: IO[bytes], waiting: queue.Queue[tuple[Head, bytes] | None]) -> None:
    """Takes requests off the pipe while another is being worked on, so that the sender is never blocked for long."""
    while (message := read_message(source)) is not None:
        waiting.put(message)
    waiting.put(None)


def _answer(request: Head, data: bytes, settings: Head) -> tuple[Head, bytes]:
    _arm(settings["seconds"])
    try:
        return make_example(request, data, settings) if request else make_image(data, settings)
    except decoder.DecodeError as error:
        return {"reason": error.reason, "detail": error.detail}, b""
    except MemoryError:
        return {"reason": "memory_limit", "detail": "processing needed too much memory"}, b""
    finally:
        _arm(0)


def _arm(seconds: float) -> None:
    """The default action of both signals ends the process, in C code too. CPU time: a busy machine fails no file."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * WALL_FACTOR)


def _limit_memory(megabytes: int) -> None:
    """Limits the address space to what is mapped now plus `megabytes`; only where Linux says what is mapped."""
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            mapped = int(stream.read().split()[0]) * resource.getpagesize()
    except OSError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = mapped + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))


if __name__ == "__main__":
    main()
