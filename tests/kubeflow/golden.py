"""The compiled document of docs/kubeflow/scenes.yaml, and what KFP's backend made of it, as files to compare with.

python -m tests.kubeflow.golden                              # after a change of the pipeline or its settings
python -m tests.kubeflow.golden --conformance /tmp/conformance   # also ask KFP's own code (kubeflow/conformance)
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).resolve().parents[2]
CONFIG = REPO / "docs" / "kubeflow" / "scenes.yaml"
DOCUMENT = REPO / "docs" / "kubeflow" / "scenes-pipeline.yaml"
BACKEND = Path(__file__).parent / "testdata" / "backend.json"
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


def digest(spec: dict[str, Any], platform: dict[str, Any]) -> str:
    """Changes whenever the backend could make something else of the documents."""
    text = json.dumps(structure(spec, platform), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two documents of a YAML file."""
    spec, platform = yaml.safe_load_all(path.read_text())
    return spec, platform


def ask_backend(conformance: str) -> dict[str, Any]:
    """What KFP's backend makes of the document: templates of the workflow, and pods without commands."""
    with tempfile.TemporaryDirectory() as folder:
        workflow, pods = Path(folder) / "workflow.json", Path(folder) / "pods.json"
        subprocess.run(
            [conformance, "-document", DOCUMENT, "-workflow", workflow, "-pods", pods], check=True
        )
        made = json.loads(workflow.read_text())["spec"]
        specs = json.loads(pods.read_text())
    for pod in specs.values():
        for container in pod["containers"]:
            del container["command"], container["args"]
    root = next(item for item in made["templates"] if item["name"] == "root")
    return {
        "digest": digest(*read(DOCUMENT)),
        "templates": [item["name"] for item in made["templates"]],
        "depends": {item["name"]: item.get("depends", "") for item in root["dag"]["tasks"]},
        "when": {item["name"]: item.get("when", "") for item in root["dag"]["tasks"]},
        "podSecurity": made["securityContext"],
        "pods": specs,
    }


def main() -> None:
    """Writes the files anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conformance", help="The built check of kubeflow/conformance.")
    args = parser.parse_args()
    DOCUMENT.write_text(compile_scenes().yaml(), encoding="utf-8")
    if args.conformance:
        text = json.dumps(ask_backend(args.conformance), indent=1, sort_keys=True)
        BACKEND.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
