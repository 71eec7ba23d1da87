"""The JSON that clients get: TF Serving's shapes, and a simpler one for a single image."""

from __future__ import annotations

from typing import Any

from components.serving.engine import Engine
from components.serving.requests import INPUT, SIGNATURE
from components.serving.service import Answers

Json = dict[str, Any]
_DTYPES = {
    "probabilities": "DT_FLOAT",
    "class_index": "DT_INT64",
    "class_name": "DT_STRING",
    "probability": "DT_FLOAT",
}


def rows(answers: Answers) -> Json:
    """TF Serving's answer to `instances`."""
    return {"predictions": _outputs(answers)}


def columns(answers: Answers) -> Json:
    """TF Serving's answer to `inputs`."""
    outputs = _outputs(answers)
    return {"outputs": {name: [row[name] for row in outputs] for name in _DTYPES}}


def single(answers: Answers) -> Json:
    """The answer to a raw image: the class, and all classes by probability."""
    engine = answers.engine
    ranked = engine.top(answers.probabilities[0], len(engine.class_names))
    listed = [{"class": answer.class_name, "probability": answer.probability} for answer in ranked]
    return {**listed[0], "answers": listed, "model": engine.name, "version": engine.version}


def status(engine: Engine) -> Json:
    """TF Serving's model status."""
    state = {
        "version": str(engine.version),
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    return {"model_version_status": [state]}


def metadata(engine: Engine) -> Json:
    """TF Serving's model metadata, with the class names besides."""
    outputs = {
        name: _tensor(dtype, [-1, len(engine.class_names)] if name == "probabilities" else [-1])
        for name, dtype in _DTYPES.items()
    }
    signature = {
        "inputs": {INPUT: _tensor("DT_STRING", [-1])},
        "outputs": outputs,
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {"name": engine.name, "version": str(engine.version)},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
        "class_names": list(engine.class_names),
    }


def _outputs(answers: Answers) -> list[Json]:
    names = answers.engine.class_names
    best = answers.probabilities.argmax(axis=1).tolist()
    return [
        {
            "probabilities": row.tolist(),
            "class_index": index,
            "class_name": names[index],
            "probability": float(row[index]),
        }
        for row, index in zip(answers.probabilities, best, strict=True)
    ]


def _tensor(dtype: str, shape: list[int]) -> Json:
    dims = [{"size": str(size), "name": ""} for size in shape]
    return {"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": False}}
