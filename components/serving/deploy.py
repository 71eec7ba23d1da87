"""Writes what TF Serving and KServe need to serve the version in service of a registry.

    write_files("registry/scenes", Path("deploy"))

TF Serving on its own serves the highest version number, which after a rollback is the wrong one. So the config names
the version; TF Serving reads the file again every few seconds, and writing it anew after `promote` or `rollback`
switches it over without a restart.
"""

from __future__ import annotations

import posixpath
import shlex
from pathlib import Path
from string import Template

from components.model_pusher.registry import Registry, open_registry
from components.model_pusher.storage import is_remote
from trainer.errors import UserError

IMAGE = "tensorflow/serving:2.19.1"
_MOUNT = "/models"
_POLL_SECONDS = 15

_MODEL_CONFIG = Template(
    """# Served: version $version, as the registry said when this was written. After `imagemill models
# promote` or `rollback`, write this file again: TF Serving reads it every $poll seconds.
model_config_list {
  config {
    name: "$name"
    base_path: "$base_path"
    model_platform: "tensorflow"
    model_version_policy { specific { versions: $version } }
  }
}
"""
)
_BATCHING = Template(
    """max_batch_size { value: $max_batch }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 100 }
num_batch_threads { value: 2 }
"""
)
_MONITORING = """prometheus_config { enable: true, path: "/monitoring/prometheus/metrics" }
"""
_DOCKER = Template(
    """#!/bin/sh
# TF Serving with REST on 8501, gRPC on 8500. Ask it:
#   printf '{"instances": [{"b64": "%s"}]}' "$$(base64 -w0 photo.jpg)" |
#     curl -d @- http://localhost:8501/v1/models/$name:predict
# It takes upright JPEG, PNG, GIF and BMP; `imagemill serve` also takes others and turns photos upright.
set -eu
here=$$(cd "$$(dirname "$$0")" && pwd)
exec docker run --rm -p 8500:8500 -p 8501:8501 \\
  -v "$$here:/config:ro" $mount\\
  $image \\
  --model_config_file=/config/models.config \\
  --model_config_file_poll_wait_seconds=$poll \\
  --enable_batching --batching_parameters_file=/config/batching.config \\
  --monitoring_config_file=/config/monitoring.config
"""
)
_KSERVE = Template(
    """# kubectl apply -f inferenceservice.yaml
# KServe with TF Serving pinned to the version in service. Apply it again after a promotion or rollback:
# the mounted config changes, and TF Serving switches without a restart.
apiVersion: v1
kind: ConfigMap
metadata:
  name: $name-tf-serving
data:
  models.config: |
$models_config
  batching.config: |
$batching
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: $name
spec:
  predictor:
    minReplicas: 1
    containers:
      - name: kserve-container
        image: $image
        # Not the image's entrypoint, which names a model and ports of its own before these.
        command: [/usr/bin/tensorflow_model_server]
        args:
          - --port=8500
          - --rest_api_port=8080
          - --model_config_file=/config/models.config
          - --model_config_file_poll_wait_seconds=$poll
          - --enable_batching
          - --batching_parameters_file=/config/batching.config
        ports:
          - containerPort: 8080
            protocol: TCP
        readinessProbe:
          httpGet:
            path: /v1/models/$name
            port: 8080
          initialDelaySeconds: 5
          periodSeconds: 5
        resources:
          requests: {cpu: "1", memory: 1Gi}
          limits: {cpu: "2", memory: 2Gi}
        volumeMounts:
          - {name: config, mountPath: /config, readOnly: true}
$volume_mount    volumes:
      - name: config
        configMap: {name: $name-tf-serving}
$volume"""
)


def write_files(model: str, folder: Path, *, max_batch: int = 32) -> list[Path]:
    """Writes `models.config`, `batching.config`, `monitoring.config`, `tf-serving.sh`, `inferenceservice.yaml`.

    Args:
      model: a registry, or `<root>/<name>`.
      folder: where to.
      max_batch: images per call of the model.

    Returns: the files.

    Raises: UserError where it is no registry or nothing is in service.
    """
    registry = _registry(model)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in contents(registry, max_batch).items():
        path = folder / name
        temporary = folder / f".{name}.partial"
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o755 if name.endswith(".sh") else 0o644)
        temporary.replace(path)
        written.append(path)
    return written


def contents(registry: Registry, max_batch: int) -> dict[str, str]:
    """The files' texts by name."""
    version = registry.in_service()
    if version is None:
        raise UserError(f"{registry.path} has nothing in service", fix="promote a version first")
    remote = is_remote(registry.path)
    values = {
        "name": registry.name,
        "version": str(version.number),
        "base_path": registry.path if remote else posixpath.join(_MOUNT, registry.name),
        "poll": str(_POLL_SECONDS),
        "image": IMAGE,
        "max_batch": str(max_batch),
    }
    models_config, batching = _MODEL_CONFIG.substitute(values), _BATCHING.substitute(values)
    mount = "" if remote else f"-v {shlex.quote(f'{registry.root}:{_MOUNT}:ro')} "
    return {
        "models.config": models_config,
        "batching.config": batching,
        "monitoring.config": _MONITORING,
        "tf-serving.sh": _DOCKER.substitute(values, mount=mount),
        "inferenceservice.yaml": _KSERVE.substitute(
            values,
            models_config=_indented(models_config),
            batching=_indented(batching),
            volume_mount="" if remote else _VOLUME_MOUNT,
            volume="" if remote else _VOLUME,
        ),
    }


_VOLUME_MOUNT = f"          - {{name: registry, mountPath: {_MOUNT}, readOnly: true}}\n"
_VOLUME = """      - name: registry
        persistentVolumeClaim: {claimName: imagemill-registry, readOnly: true}
"""


def _registry(model: str) -> Registry:
    registry = open_registry(model)
    if registry is None:
        raise UserError(
            f"{model!r} is not a registry, so there are no versions to name",
            fix="name the registry that `imagemill run` pushed to",
        )
    return registry


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
