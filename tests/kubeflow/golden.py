"""The compiled document of docs/kubeflow/scenes.yaml, as a file to compare with.

python -m tests.kubeflow.golden    # after a change of the pipeline or its settings
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).resolve().parents[2]
CONFIG = REPO / "docs" / "kubeflow" / "scenes.yaml"
DOCUMENT = REPO / "docs" / "kubeflow" / "scenes-pipeline.yaml"
CODE_VERSION = "000000000000"


def compile_scenes():
    """Compiles the config of the documentation with a frozen code version."""
    from kubeflow.compile import compile_pipeline
    from pipeline.config import load_config

    return compile_pipeline(load_config(CONFIG), code_version=CODE_VERSION)


def structure(spec: dict[str, Any], platform: dict[str, Any]) -> dict[str, Any]:
    """The documents without what differs between the stacks or changes with every new setting.

    Settings travel as JSON constants (each has its own tests), and TFX names its version.
    """
    result = json.loads(json.dumps({"spec": spec, "platform": platform}))
    result["spec"].pop("sdkVersion", None)
    for task in result["spec"]["root"]["dag"]["tasks"].values():
        for given in task.get("inputs", {}).get("parameters", {}).values():
            constant = given.get("runtimeValue", {}).get("constant")
            if isinstance(constant, str) and constant.startswith(("{", "[")):
                given["runtimeValue"]["constant"] = "JSON"
            elif isinstance(constant, str) and len(constant) in (12, 25):
                given["runtimeValue"]["constant"] = "DIGEST"
    return result


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two documents of a YAML file."""
    spec, platform = yaml.safe_load_all(path.read_text())
    return spec, platform


def main() -> None:
    """Writes the document anew."""
    DOCUMENT.write_text(compile_scenes().yaml(), encoding="utf-8")


if __name__ == "__main__":
    main()
