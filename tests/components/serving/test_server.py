"""The server as clients meet it: a process of its own, asked over HTTP."""

from __future__ import annotations

import base64
import io
import json
import time

import pytest
from PIL import Image

from components.model_pusher.registry import Registry
from tests.components.serving.running import running_server
from tests.components.tiny_model import COLOURS, colour_image, encode, export_model

RED = encode(colour_image("red", 1), "JPEG")
BLUE = encode(colour_image("blue", 2))
PREDICT = "/v1/models/colours:predict"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    Registry(str(folder / "registry"), "colours").push(export_model(folder / "model"), {})
    limits = {"max_request_mb": 1, "max_pixels": 100_000, "max_images": 8}
    with running_server(str(folder / "registry"), **limits) as server:
        yield server


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def post(server, value, path: str = PREDICT):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return server.request("POST", path, body)


def test_a_raw_image_gets_its_class_and_all_probabilities(server):
    status, answer = server.request("POST", "/predict", RED)
    assert status == 200
    assert answer["class"] == "red"
    assert answer["model"] == "colours"
    assert answer["version"] == 1
    assert sorted(a["class"] for a in answer["answers"]) == list(COLOURS)
    assert sum(a["probability"] for a in answer["answers"]) == pytest.approx(1, abs=1e-5)


def test_tf_servings_row_and_column_shapes(server):
    row = {"b64": b64(RED)}
    expected = server.predict(RED)[1]["predictions"][0]
    assert expected["class_name"] == "red"
    assert expected["class_index"] == COLOURS.index("red")
    for body in (
        {"instances": [row]},
        {"instances": [{"image_bytes": row}], "signature_name": "serving_default"},
    ):
        assert post(server, body) == (200, {"predictions": [expected]})
    columns = {name: [value] for name, value in expected.items()}
    for inputs in (row, [row], {"image_bytes": [row]}, {"image_bytes": row}):
        assert post(server, {"inputs": inputs}) == (200, {"outputs": columns})
    assert post(server, {"instances": [row]}, "/v1/models/colours/versions/1:predict")[0] == 200


def test_a_mixed_batch_keeps_its_order(server):
    names = [a["class_name"] for a in server.predict(RED, BLUE, RED)[1]["predictions"]]
    assert names == ["red", "blue", "red"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"not json", 400, "not JSON"),
        (RED, 400, "the body is an image file: POST it to /predict"),
        (b"\x80\x81", 400, "not JSON in UTF-8"),
        (b"\xef\xbb\xbf{}", 400, "either `instances` or `inputs`"),
        (b"[" * 100_000, 400, "not JSON"),
        (b'{"instances": [NaN]}', 400, "image 0 is a number"),
        (b'{"instances": [' + b"9" * 5000 + b"]}", 400, "image 0 is a number|not JSON"),
        ({"instances": [None]}, 400, "image 0 is null"),
        ({"instances": [{"image": {"b64": "AAAA"}}]}, 400, "keys ['image'], not"),
        ({"instances": [{"b64": "AAAA", "key": 1}]}, 400, "keys ['b64', 'key'], not"),
        ({"instances": [{"image_bytes": b64(RED)}]}, 400, "plain string"),
        ({"inputs": {}}, 400, "has keys []"),
        ({"inputs": []}, 400, "no image"),
        ({"inputs": b64(RED)}, 400, "plain string"),
        ({"instances": [{"b64": ""}]}, 422, "empty_file"),
        (b"[1]", 400, "is a list, not an object"),
        ({}, 400, "either `instances` or `inputs`"),
        ({"instances": [], "inputs": []}, 400, "either `instances` or `inputs`"),
        ({"instances": []}, 400, "no image"),
        ({"instances": {"b64": "AAAA"}}, 400, "is an object, not a list"),
        ({"instances": [b64(RED)]}, 400, "plain string"),
        ({"instances": [[1, 2, 3]]}, 400, "not pixels as numbers"),
        ({"instances": [{"b64": 3}]}, 400, '"b64" is a number, not a string'),
        ({"instances": [{"b64": "@@@"}]}, 400, "not base64"),
        ({"instances": [{"b64": "data:image/png;base64,AAAA"}]}, 400, "data: URL"),
        ({"instances": [{"b64": b64(b64(RED).encode())}]}, 422, "encoded twice"),
        ({"instances": [{"b64": b64(RED[: len(RED) // 2])}]}, 422, "runcated"),
        ({"instances": [{"b64": b64(RED)}, {"b64": b64(b"no")}]}, 422, "image 1: not_an_image"),
        ({"instances": [{"b64": b64(RED)}] * 9}, 413, "more than 8"),
        ({"instances": [{"b64": b64(RED)}], "signature_name": "other"}, 400, "no signature"),
        ({"inputs": {"images": [{"b64": b64(RED)}]}}, 400, "'image_bytes'"),
    ],
)
def test_every_usual_mistake_is_explained(server, body, status, said):
    got, answer = post(server, body)
    assert got == status
    assert any(part in answer["error"] for part in said.split("|")), answer


def test_urlsafe_unpadded_and_wrapped_base64_are_understood(server):
    text = base64.urlsafe_b64encode(RED).decode().rstrip("=")
    wrapped = "\n".join(text[i : i + 76] for i in range(0, len(text), 76))
    for encoded in (text, wrapped):
        assert post(server, {"instances": [{"b64": encoded}]})[0] == 200


def test_a_form_is_explained(server):
    status, answer = server.request(
        "POST", PREDICT, b"--x", **{"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert status == 415
    assert "the body is multipart/form-data; send {" in answer["error"]


def test_raw_mistakes_are_explained(server):
    assert server.request("POST", "/predict", b"")[0] == 400
    status, answer = server.request(
        "POST", "/predict", b"{}", **{"Content-Type": "application/json"}
    )
    assert status == 415
    assert "--data-binary" in answer["error"]
    status, answer = server.request("POST", "/predict", b64(RED).encode())
    assert status == 422
    assert "base64" in answer["error"]


def test_limits_on_bytes_and_pixels(server):
    assert server.request("POST", "/predict", b"x" * (6 * 2**20))[0] == 413
    buffer = io.BytesIO()
    Image.new("RGB", (1000, 1000)).save(buffer, "PNG")
    status, answer = server.request("POST", "/predict", buffer.getvalue())
    assert status == 413
    assert "1000 x 1000 pixels, more than 100000" in answer["error"]


def test_a_body_without_a_declared_length_meets_the_same_limit(server):
    connection = server.connect()
    connection.request("POST", "/predict", (b"x" * 2**16 for _ in range(40)), encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_unknown_places_are_explained(server):
    assert "its name is 'colours'" in server.predict(RED, name="scenes")[1]["error"]
    assert server.predict(RED, name="scenes")[0] == 404
    assert post(server, {}, "/v1/models/colours/versions/7:predict")[0] == 404
    assert server.request("GET", "/elsewhere")[0] == 404
    status, answer = server.request("GET", "/predict")
    assert status == 405
    assert "POST /predict" in answer["error"]


def test_health_readiness_status_and_metadata(server):
    assert server.request("GET", "/healthz") == (200, {"status": "alive"})
    assert server.request("GET", "/readyz") == (
        200,
        {"ready": True, "model": "colours", "version": 1},
    )
    _, status = server.request("GET", "/v1/models/colours")
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    _, metadata = server.request("GET", "/v1/models/colours/metadata")
    assert metadata["class_names"] == list(COLOURS)


def test_metrics_count_requests_images_and_batches(server):
    server.request("POST", "/predict", RED)
    server.request("POST", "/predict", b"broken")
    _, text = server.request("GET", "/metrics")
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines['imagemill_requests_total{route="/predict",status="200"}']) >= 1
    assert float(lines['imagemill_images_total{outcome="not_an_image"}']) >= 1
    assert float(lines["imagemill_batch_images_count"]) >= 1
    assert float(lines["imagemill_model_version"]) == 1


def test_the_page_loads_nothing_from_elsewhere(server):
    status, page = server.request("GET", "/")
    assert status == 200
    assert "http://" not in page
    assert "https://" not in page


def test_an_answer_does_not_wait_for_an_acknowledgement(server):
    """With Nagle's algorithm on, every answer on a kept-alive connection takes 40 ms at least."""
    connection = server.connect()
    seconds = []
    for _ in range(30):
        started = time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        seconds.append(time.perf_counter() - started)
    connection.close()
    assert min(seconds[5:]) < 0.02
    assert sorted(seconds)[10] < 0.035
