"""What runs in every pod: `python -m kubeflow.entrypoint ...`, in place of TFX's own container entrypoint.

Reads KFP's ExecutorInput, runs the step's executor on local folders, writes KFP's ExecutorOutput. Exit codes are those
of the command line (docs/exit-codes.md): 2 to 5 for what the user must put right, 1 for everything worth a retry, 143
where Kubernetes asked the pod to stop.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from kubeflow import lay_over, page, reach, refusal, refused_report, run_end, warm_start
from kubeflow.container_log import start_logging
from kubeflow.executor_input import Task, make_folders, prepare
from kubeflow.executor_output import keep_empty_folders, output_document, write_output
from trainer.errors import ExitCode, UserError

COMMAND = ("python", "-m", "kubeflow.entrypoint")
TERMINATED = 128 + signal.SIGTERM
_LOGGER = logging.getLogger("imagemill.kubeflow")


class Terminated(BaseException):
    """Kubernetes sent SIGTERM; not an Exception, so that nothing on the way swallows it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one step; returns the exit code of the process."""
    args, beam_args = _parser().parse_known_args(argv)
    start_logging(args.node_id)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        run_step(args, beam_args)
    except UserError as error:
        _LOGGER.error("%s", error, extra={"exit_code": int(error.code)})
        return int(error.code)
    except (Terminated, KeyboardInterrupt, SystemExit):
        # The trainer ends with SystemExit once its checkpoint is written.
        _LOGGER.warning("the pod was told to stop; a retry goes on from the last checkpoint")
        return TERMINATED
    except Exception:
        _LOGGER.exception("step %s failed; this may pass, so a retry is in order", args.node_id)
        return int(ExitCode.INTERNAL)
    return int(ExitCode.OK)


def run_step(args: argparse.Namespace, beam_args: Sequence[str]) -> None:
    """Runs the executor named in `args` and writes its output file.

    Raises:
      UserError: from the executor, or because the input cannot be read.
    """
    outputs_spec = json.loads(args.json_serialized_outputs_spec_args)
    inputs_spec = json.loads(args.json_serialized_inputs_spec_args)
    whole = prepare(args.json_serialized_invocation_args, inputs_spec, outputs_spec)
    shown = page.names(args.page)
    pages = {name: found for name, found in whole.outputs.items() if name in shown}
    task = replace(whole, outputs={k: v for k, v in whole.outputs.items() if k not in shown})
    note = refusal.note_path(task.parameters, task.output_file)
    refusal.raise_again(note)
    parameters = lay_over.apply(task.parameters, args.lay_over)
    with reach.said(task.parameters):
        parameters = warm_start.with_version_in_service(parameters, args.in_service)
    make_folders(task)
    _LOGGER.info("step %s starts", args.node_id, extra={"parameters": sorted(parameters)})
    try:
        with (
            run_end.watched(args.node_id, parameters),
            refused_report.written(task, parameters),
            reach.said(task.parameters),
        ):
            outputs = _execute(args.executor_class_path, task, parameters, beam_args)
    except UserError as error:
        if error.code != ExitCode.INTERNAL:  # what a retry may heal
            refusal.leave(note, error)
        raise
    page.copy_pages(args.page, pages, task.outputs)
    _publish(task, outputs)
    run_end.succeeded(args.node_id, parameters, task, outputs)
    _LOGGER.info("step %s is done", args.node_id)


def _execute(
    class_path: str, task: Task, parameters: dict[str, Any], beam_args: Sequence[str]
) -> dict[str, Any]:
    # TFX takes seconds to import: a refused step has been sent back before.
    from tfx.dsl.components.base import base_beam_executor, base_executor

    from kubeflow.tfx_artifacts import metadata_of, to_tfx

    module, _, name = class_path.rpartition(".")
    executor_class = getattr(importlib.import_module(module), name)
    shared = {"unique_id": Path(task.output_file).parent.name, "tmp_dir": tempfile.mkdtemp()}
    context: base_executor.BaseExecutor.Context
    if issubclass(executor_class, base_beam_executor.BaseBeamExecutor):
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=list(beam_args), **shared
        )
    else:
        context = base_executor.BaseExecutor.Context(extra_flags=list(beam_args), **shared)
    outputs = to_tfx(task.outputs)
    executor_class(context).Do(to_tfx(task.inputs), outputs, parameters)
    return {name: metadata_of(found[0]) for name, found in outputs.items() if found}


def _publish(task: Task, metadata: dict[str, Any]) -> None:
    first = {name: found[0] for name, found in task.outputs.items() if found}
    keep_empty_folders([artifact.path for artifact in first.values()])
    names = {name: artifact.name for name, artifact in first.items()}
    write_output(task.output_file, output_document(names, metadata))


def _terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    raise Terminated


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kubeflow.entrypoint", allow_abbrev=False)
    parser.add_argument("--node_id", default="step", help="Id of the step, for the log.")
    parser.add_argument("--executor_class_path", required=True, help="<module>.<class>.")
    parser.add_argument(
        "--json_serialized_invocation_args", required=True, help="KFP's ExecutorInput as JSON."
    )
    for side in ("inputs", "outputs"):
        parser.add_argument(
            f"--json_serialized_{side}_spec_args",
            default="{}",
            help=f"The component's {side[:-1]}Definitions as JSON.",
        )
    parser.add_argument(
        "--lay_over", action="append", default=[], help="name=property.key: see kubeflow.lay_over."
    )
    parser.add_argument("--in_service", default="", help="property.key: see kubeflow.warm_start.")
    parser.add_argument(
        "--page", action="append", default=[], help="name=output/file: see kubeflow.page."
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
