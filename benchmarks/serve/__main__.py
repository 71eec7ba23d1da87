"""The HTTP server and `predict` against the bare SavedModel call, on the same photos in the same run.

    python -m benchmarks.serve                      # throughput, and the latency of single requests
    python -m benchmarks.serve --switch 10000       # so many requests, the version changed in the middle

`SavedModel` alone is asked with images that were prepared before (scaled down and stored as the ingest does), which is
the network and little else; "files as they are" lets it decode the photos themselves, as TF Serving would. `predict`
and the server prepare each photo first, so that their answers are those of the evaluation.

The model is MobileNetV3Small (alpha 0.75, 160 px) with random weights: as slow as a trained one. Clients are threads
of this process and take their share of the cores; on two cores that is what limits the server.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import Case, compare, table
from tests.components.serving.load import Load, run_load
from tests.components.serving.running import Server, running_server

PHOTOS = 64
CLASSES = ("buildings", "forest", "glacier", "mountain", "sea", "street")
BARE = "SavedModel, one by one"


def export(folder: Path, seed: int) -> str:
    """A MobileNetV3Small with random weights, exported as training would."""
    import keras

    from trainer.export import export_saved_model
    from trainer.image import Geometry
    from trainer.model_info import ModelInfo

    keras.utils.set_random_seed(seed)
    backbone = keras.applications.MobileNetV3Small(
        input_shape=(160, 160, 3), alpha=0.75, include_top=False, weights=None, pooling="avg"
    )
    head = keras.layers.Dense(len(CLASSES), activation="softmax")(backbone.output)
    info = ModelInfo(
        class_names=CLASSES,
        image_size=160,
        resize_size=183,
        stored_size=229,
        model="MobileNetV3Small",
        alpha=0.75,
    )
    geometry = Geometry(image_size=160, resize_size=183, aspect_ratio="stretch")
    export_saved_model(keras.Model(backbone.input, head), geometry, info, str(folder))
    return str(folder)


def photos(count: int = PHOTOS) -> list[bytes]:
    """JPEGs of 640 x 480 with structure at several scales, about as large as a phone's thumbnail."""
    import io

    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(0)
    encoded = []
    for _ in range(count):
        coarse = Image.fromarray(draw.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        pixels = np.asarray(coarse.resize((640, 480), Image.Resampling.BICUBIC), np.int16)
        noisy = np.clip(pixels + draw.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(noisy).save(buffer, "JPEG", quality=85)
        encoded.append(buffer.getvalue())
    return encoded


def latency(load: Load) -> str:
    """Percentiles of a load, in milliseconds."""
    parts = statistics.quantiles(load.seconds, n=100)
    figures = ", ".join(f"p{p} {parts[p - 1] * 1000:.1f}" for p in (50, 95, 99))
    return f"{figures}, max {max(load.seconds) * 1000:.1f} ms"


def compare_all(
    server: Server, model: str, images: list[bytes], folder: Path, repeats: int
) -> None:
    """Throughput of every way to ask."""
    from components.serving.engine import Engine
    from components.serving.inputs import find_inputs
    from components.serving.stream import predict_stream

    engine = Engine.load(model)
    prepared = [engine.prepare(image) for image in images]
    count = float(len(images))

    def raw() -> None:
        for start in range(0, len(images), 32):
            engine.predict(images[start : start + 32])

    def stream() -> None:
        for _ in predict_stream(engine, find_inputs([str(folder)])):
            pass

    def ask(clients: int) -> None:
        load = run_load(server, images, requests=len(images), clients=clients)
        assert not load.failures, load.failures[0]

    def ask_in_batches() -> None:
        for start in range(0, len(images), 32):
            status, answer = server.predict(*images[start : start + 32], name="bench")
            assert status == 200, answer

    cases = [
        Case(BARE, lambda: [engine.predict([one]) for one in prepared], count),
        Case("SavedModel, batches of 32", lambda: engine.predict(prepared), count),
        Case("SavedModel, batches of 32, files as they are", raw, count),
        Case(
            "SavedModel + preparation",
            lambda: [engine.predict([engine.prepare(i)]) for i in images],
            count,
        ),
        Case("predict, a folder", stream, count),
        Case("serve, 1 client", lambda: ask(1), count),
        Case("serve, 8 clients", lambda: ask(8), count),
        Case("serve, :predict with 32", ask_in_batches, count),
    ]
    print(table(compare(cases, baseline=BARE, repeats=repeats), unit="images"))
    print("serve, 1 client:", latency(run_load(server, images, requests=256, clients=1)))
    print("serve, 8 clients:", latency(run_load(server, images, requests=512, clients=8)))


def switch(server: Server, images: list[bytes], requests: int, push: threading.Timer) -> int:
    """Sends requests while the version changes; returns how many failed."""
    started = time.perf_counter()
    push.start()
    load = run_load(server, images, requests=requests, clients=8)
    seconds = time.perf_counter() - started
    push.join()
    print(f"{requests} requests, {len(load.failures)} failed, {requests / seconds:.0f}/s")
    print("latency:", latency(load))
    print("answers by version:", dict(load.versions))
    return len(load.failures) + (len(load.versions) < 2)


def main() -> int:
    """Runs the benchmark; not 0 where a request failed or no switch was seen."""
    parser = argparse.ArgumentParser(prog="benchmarks.serve", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--switch", type=int, default=0, metavar="REQUESTS")
    given = parser.parse_args()
    from components.model_pusher.registry import Registry

    images = photos()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        registry = Registry(str(folder / "registry"), "bench")
        registry.push(export(folder / "one", 1), {})
        second = export(folder / "two", 2) if given.switch else ""
        (folder / "photos").mkdir()
        for number, image in enumerate(images):
            (folder / "photos" / f"{number:03d}.jpg").write_bytes(image)
        with running_server(registry.path, poll_seconds=0.2) as server:
            if given.switch:
                rate = 64 / timed(lambda: run_load(server, images, requests=64, clients=8))
                middle = given.switch / rate / 3
                push = threading.Timer(middle, lambda: registry.push(second, {}))
                return switch(server, images, given.switch, push)
            compare_all(server, registry.path, images, folder / "photos", given.repeats)
    return 0


def timed(run: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
