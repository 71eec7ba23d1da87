"""The report of data that the gate refused on a cluster, kept in the registry.

    with refused_report.written(task, parameters):
        execute()

KFP's launcher uploads nothing of a step that failed, so whoever is woken by it would have a table in a pod's log. The
page, the same as JSON and the list of files to act on lie in `<registry>/<name>/.registry/refused/<time>/`; the log,
the notification and the history's line name the page.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from components.data_gate.refusal import DataRefusedError
from kubeflow.executor_input import Task

FOLDER = posixpath.join(".registry", "refused")
_LOGGER = logging.getLogger("imagemill.kubeflow")


@contextlib.contextmanager
def written(task: Task, parameters: Mapping[str, Any]) -> Iterator[None]:
    """Writes the report where the body refuses its data.

    Raises:
      DataRefusedError: leading to the report; as it was where that could not be written.
    """
    try:
        yield
    except DataRefusedError as error:
        try:
            told = _write(error, task, parameters)
        except Exception:  # of a bucket, or a thumbnail: the refusal is what counts
            _LOGGER.warning("the report of the refused data could not be written", exc_info=True)
            raise error from None
        raise told from None


def _write(error: DataRefusedError, task: Task, parameters: Mapping[str, Any]) -> DataRefusedError:
    from components.model_pusher.storage import normal, storage_for
    from components.report.config import ReportConfig
    from components.report.files import FIX_FILE, PAGE_FILE
    from components.report.refused import Refused, refused_files

    registry, name = normal(str(parameters["registry"])), str(parameters["name"])
    run = Refused(
        name=name,
        examples=task.inputs["examples"][0].path,
        gate=error.report,
        run_config={"gate": json.loads(parameters["config"])},
        lineage={"code_version": str(parameters.get("code_version") or "")},
    )
    now = datetime.datetime.now(datetime.timezone.utc)
    folder = posixpath.join(registry, name, FOLDER, f"{now:%Y-%m-%dT%H-%M-%S.%f}")
    storage = storage_for(registry)
    for file, text in refused_files(run, ReportConfig()).items():
        storage.write(posixpath.join(folder, file), text.encode())
    return error.leading_to(posixpath.join(folder, PAGE_FILE), posixpath.join(folder, FIX_FILE))
