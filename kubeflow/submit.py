"""Uploads a compiled document as a version of its pipeline and starts a run of it.

The version is named after a digest of the document: the same document twice is one version, and a run is tied to its
version, never to "the newest".
"""

from __future__ import annotations

import datetime
import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from kubeflow.client import Cluster
from pipeline.config import Config
from trainer.errors import UserError


def submit(cluster: Cluster, config: Config, document: str, given: Mapping[str, str]) -> str:
    """Starts a run; returns its id.

    Args:
      cluster: where.
      config: names, service account and pipeline root.
      document: the compiled YAML.
      given: run parameters as text, by name.

    Raises:
      UserError: a parameter that the pipeline does not have or that has the wrong type, or KFP refuses.
    """
    parameters = typed_parameters(document, given)
    pipeline_id, version_id = upload(cluster, config, document)
    return cluster.start(
        experiment=config.kubeflow.experiment or config.name,
        job_name=f"{config.name} {datetime.datetime.now():%Y-%m-%d %H:%M:%S}",
        pipeline_id=pipeline_id,
        version_id=version_id,
        parameters=parameters,
        pipeline_root=config.kubeflow.pipeline_root,
        service_account=config.kubeflow.service_account,
    )


def upload(cluster: Cluster, config: Config, document: str) -> tuple[str, str]:
    """Uploads a document; returns the ids of pipeline and version. The seam for recurring runs."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{config.name}.yaml"
        file.write_text(document, encoding="utf-8")
        return cluster.upload(file, config.name, version_name(config.name, document))


def version_name(name: str, document: str) -> str:
    """`scenes-1a2b3c4d5e6f`."""
    return f"{name}-{hashlib.sha256(document.encode()).hexdigest()[:12]}"


def typed_parameters(document: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Run parameters with the types that the document declares.

    Raises:
      UserError: an unknown name, or text that is no whole number where one is due.
    """
    spec = next(iter(yaml.safe_load_all(document)))
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name not in declared:
            raise UserError(
                f"the pipeline has no parameter {name!r}",
                fix=f"use one of: {', '.join(sorted(declared))}",
            )
        values[name] = text
        if declared[name]["parameterType"] == "NUMBER_INTEGER":
            try:
                values[name] = int(text)
            except ValueError:
                raise UserError(
                    f"parameter {name!r} must be a whole number, got {text!r}",
                    fix=f"write {name}=1",
                ) from None
    return values
