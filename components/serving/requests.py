"""What clients send, made into image bytes; every way to get it wrong is explained.

TF Serving's REST shape (https://www.tensorflow.org/tfx/serving/api_rest): rows under `instances`, or columns under
`inputs`, with bytes as `{"b64": "..."}`.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import re
from typing import Any

INPUT = "image_bytes"
SIGNATURE = "serving_default"
EXPECTED = 'send {"instances": [{"b64": "<base64 of the image file>"}]}'
_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\x00", b"MM\x00*")
_BASE64_ONLY = re.compile(rb"\A[A-Za-z0-9+/_\-\s]{16,}={0,2}\s*\Z")


class RequestError(Exception):
    """A request that cannot be answered.

    Args:
      status: HTTP status, 4xx.
      message: what is wrong and what to send instead.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclasses.dataclass(frozen=True)
class PredictRequest:
    """Images to answer.

    Attributes:
      images: file contents.
      columnar: whether the answer is wanted as columns under `outputs`.
    """

    images: list[bytes]
    columnar: bool


def parse_predict(body: bytes, max_images: int) -> PredictRequest:
    """Reads the body of a `:predict` request.

    Raises: RequestError that says what was wrong.
    """
    request = _parse(body)
    if not isinstance(request, dict):
        raise RequestError(400, f"the body is {_kind(request)}, not an object; {EXPECTED}")
    signature = request.get("signature_name", SIGNATURE)
    if signature not in ("", SIGNATURE):
        raise RequestError(
            400, f"there is no signature {signature!r}; leave it out, or name {SIGNATURE!r}"
        )
    if ("instances" in request) == ("inputs" in request):
        raise RequestError(400, f"the body needs either `instances` or `inputs`; {EXPECTED}")
    columnar = "inputs" in request
    rows = _columns(request["inputs"]) if columnar else request["instances"]
    if not isinstance(rows, list):
        raise RequestError(400, f"`instances` is {_kind(rows)}, not a list; {EXPECTED}")
    if not rows:
        raise RequestError(400, f"there is no image in the request; {EXPECTED}")
    if len(rows) > max_images:
        raise RequestError(
            413, f"{len(rows)} images in one request, more than {max_images}; send fewer"
        )
    return PredictRequest([_image(row, index) for index, row in enumerate(rows)], columnar)


def _parse(body: bytes) -> Any:
    if body.startswith(_IMAGE_STARTS):
        raise RequestError(400, f"the body is an image file: POST it to /predict, or {EXPECTED}")
    try:
        return json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RequestError(400, f"the body is not JSON in UTF-8 ({error}); {EXPECTED}") from None
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"the body is not JSON ({error}); {EXPECTED}") from None


def explain_undecodable(data: bytes, reason: str) -> str:
    """Why an image could not be used, with a hint for the usual cause."""
    if data.startswith(b"data:"):
        return f"{reason}; it is a data: URL: send what comes after the comma, base64-decoded once"
    if _BASE64_ONLY.match(data[:4096]):
        return f"{reason}; it looks like base64 text: the bytes were encoded twice, or sent raw as text"
    return reason


def _columns(inputs: Any) -> Any:
    """The rows of the columnar form: the list itself, or under the input's name."""
    if isinstance(inputs, dict) and "b64" not in inputs:
        if list(inputs) != [INPUT]:
            raise RequestError(
                400, f"`inputs` has keys {sorted(inputs)}, not {INPUT!r}; {EXPECTED}"
            )
        inputs = inputs[INPUT]
    return inputs if isinstance(inputs, list) else [inputs]


def _image(row: Any, index: int) -> bytes:
    if isinstance(row, dict) and list(row) == [INPUT]:
        row = row[INPUT]
    if isinstance(row, str):
        raise RequestError(
            400,
            f'image {index} is a plain string, which JSON cannot carry bytes in; wrap its base64: {{"b64": "..."}}',
        )
    if isinstance(row, dict) and list(row) == ["b64"] and isinstance(row["b64"], str):
        return _decode(row["b64"], index)
    raise RequestError(400, f"image {index} is {_described(row)}; {EXPECTED}")


def _described(row: Any) -> str:
    """What a row is instead of `{"b64": "..."}`, with the reason where it is a usual mistake."""
    if isinstance(row, list):
        return (
            "a list; this model takes an image file, which it decodes itself, not pixels as numbers"
        )
    if not isinstance(row, dict):
        return f'{_kind(row)}, not {{"b64": "..."}}'
    if list(row) == ["b64"]:
        return f'an object whose "b64" is {_kind(row["b64"])}, not a string'
    return f'an object with keys {sorted(row)}, not {{"b64": "..."}}'


def _decode(text: str, index: int) -> bytes:
    if text.startswith("data:"):
        raise RequestError(
            400, f"image {index} is a data: URL; send only the base64 that comes after its comma"
        )
    standard = "".join(text.split()).replace("-", "+").replace("_", "/")
    padded = standard + "=" * (-len(standard) % 4)
    try:
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestError(400, f"image {index} is not base64 ({error})") from None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return names.get(type(value), "a number")
