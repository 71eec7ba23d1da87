"""What `model-validator` does: start a server, run the checks, write them down."""

from __future__ import annotations

import json
import posixpath
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.model_validator.checks import Check, run_checks
from components.model_validator.config import ValidateConfig
from components.model_validator.files import CHECKS_FILE
from components.model_validator.subject import StartError, serve
from trainer.features import IMAGE
from trainer.progress import report

BLESSED_FILE = "INFRA_BLESSED"
NOT_BLESSED_FILE = "INFRA_NOT_BLESSED"
_SPLIT = "test"


class Executor(base_executor.BaseExecutor):
    """Sets `blessed` (0 or 1) and `checks` (JSON) on its output."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Tries the model in a server."""
        config = ValidateConfig.model_validate_json(exec_properties["config"])
        model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict["model"]))
        checks = validate(model, sample_photos(input_dict, config.photos), config)
        _publish(artifact_utils.get_single_instance(output_dict["blessing"]), checks)


def validate(model: str, photos: list[bytes], config: ValidateConfig) -> tuple[Check, ...]:
    """Serves a model and runs every check; where it cannot be served, that is the one that failed."""
    try:
        with serve(
            model, start_seconds=config.start_seconds, request_seconds=config.request_seconds
        ) as subject:
            detail = f"ready after {subject.start_seconds:.1f} s"
            started = Check(name="starts", passed=True, detail=detail)
            return (started, *run_checks(subject, photos, config))
    except StartError as error:
        return (Check(name="starts", passed=False, detail=str(error)),)


def sample_photos(inputs: dict[str, list[types.Artifact]], count: int) -> list[bytes]:
    """Some images of the test split, as they are stored; none where there are no examples."""
    if not inputs.get("examples"):
        return []
    import tensorflow as tf

    root = artifact_utils.get_single_uri(inputs["examples"])
    files = sorted(tf.io.gfile.glob(posixpath.join(root, f"Split-{_SPLIT}", "*")))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").take(count)
    examples = (tf.train.Example.FromString(record.numpy()) for record in records)
    return [example.features.feature[IMAGE].bytes_list.value[0] for example in examples]


def _publish(blessing: types.Artifact, checks: tuple[Check, ...]) -> None:
    failed = [check for check in checks if not check.passed]
    listed = json.dumps([check.model_dump() for check in checks], indent=2)
    blessing.set_int_custom_property("blessed", int(not failed))
    blessing.set_string_custom_property(
        "checks", json.dumps({check.name: check.passed for check in checks})
    )
    fileio.makedirs(blessing.uri)
    for name in (CHECKS_FILE, NOT_BLESSED_FILE if failed else BLESSED_FILE):
        with fileio.open(posixpath.join(blessing.uri, name), "w") as file:
            file.write(listed)
    reasons = "; ".join(f"{check.name}: {check.detail}" for check in failed)
    verdict = f"failed: {reasons}" if failed else "all passed"
    report(
        "model-validator",
        done=len(checks),
        total=len(checks),
        unit=f"checks, {verdict}",
        final=True,
    )
