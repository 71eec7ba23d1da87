"""Compiled containers of a toy pipeline, run by the stand-in for KFP's driver and launcher."""

from __future__ import annotations

import json
import logging
import os
import signal
from pathlib import Path

import pytest

from kubeflow import entrypoint
from kubeflow.compile import compile_object
from kubeflow.entrypoint import TERMINATED
from pipeline.config import make_config
from tests.kubeflow.standin import FAILED, SKIPPED, SUCCEEDED, StandIn
from tests.kubeflow.toy import toy_pipeline
from trainer.errors import ExitCode

CONFIG = make_config(
    {"name": "toy", "data": {"root": "/mnt/photos"}, "kubeflow": {"image": "i@sha256:1"}},
    source="a test",
)


@pytest.fixture(autouse=True)
def _as_before():
    """The entrypoint owns its process: logging and signals; a test gives them back."""
    root = logging.getLogger()
    handlers, level, handler = root.handlers[:], root.level, signal.getsignal(signal.SIGTERM)
    yield
    logging.captureWarnings(False)
    root.handlers[:], root.level = handlers, level
    signal.signal(signal.SIGTERM, handler)


class InProcess:
    """Runs container commands in this process: seconds saved where the process is not the point."""

    def __init__(self) -> None:
        self.codes: list[int] = []

    def __call__(self, argv, environment, pod: Path) -> int:
        assert argv[:3] == ["python", "-m", "kubeflow.entrypoint"]
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            code = entrypoint.main(argv[3:])
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.codes.append(code)
        return code


def _run(tmp_path: Path, *, mode: str = "", parameters=None, launch=None, **given):
    registry = tmp_path / "registry"
    compiled = compile_object(toy_pipeline(str(registry), mode), CONFIG)
    stand_in = StandIn(compiled.spec, workspace=tmp_path, launch=launch or InProcess(), **given)
    return stand_in.run(parameters)


@pytest.mark.parametrize("root", ["minio://b/x", "s3://b/x", "gs://b/x"])
def test_artifacts_travel_with_their_types_and_metadata(tmp_path, root):
    run = _run(tmp_path, pipeline_root=root)
    assert run.states == {"decide": SUCCEEDED, "make": SUCCEEDED, "use": SUCCEEDED}
    metadata = run.artifacts["use"]["model"].metadata
    assert metadata["epochs"] == "8"
    assert run.artifacts["make"]["examples"].metadata["span"] == 7.0
    assert run.artifacts["use"]["model"].uri.startswith(root)


def test_what_the_condition_skips_and_what_hangs_on_it(tmp_path):
    run = _run(tmp_path, parameters={"retrain": 0})
    assert run.states == {"decide": SUCCEEDED, "make": SKIPPED, "use": SKIPPED}


def test_the_image_parameter_names_the_image_and_reaches_no_executor(tmp_path):
    run = _run(tmp_path, parameters={"image": "other@sha256:2"})
    assert set(run.images.values()) == {"other@sha256:2"}
    assert run.failed == []


def test_an_infrastructure_error_is_tried_again(tmp_path):
    launch = InProcess()
    run = _run(tmp_path, mode="crash-once", launch=launch)
    assert run.attempts["make"] == 2
    assert run.failed == []
    assert launch.codes == [0, ExitCode.INTERNAL, 0, 0]


def test_a_user_error_is_said_again_without_doing_the_work_again(tmp_path):
    launch = InProcess()
    run = _run(tmp_path, mode="user-error", launch=launch)
    assert run.states == {"decide": SUCCEEDED, "make": FAILED, "use": SKIPPED}
    assert launch.codes[1:] == [ExitCode.DATA_REFUSED] * run.attempts["make"]
    assert run.attempts["make"] == 3
    assert (tmp_path / "registry" / "attempts").read_text() == "x"


def test_a_bucket_that_is_away_is_tried_again_and_named(tmp_path, capfd):
    launch = InProcess()
    run = _run(tmp_path, mode="bucket-away", launch=launch)
    assert run.attempts["make"] == 2
    assert launch.codes == [0, ExitCode.INTERNAL, 0, 0]
    place = str(tmp_path / "registry")
    assert f"registry {place!r} does not answer (ConnectionRefusedError" in capfd.readouterr().err


def test_a_missing_secret_is_named_and_not_tried_again(tmp_path, capfd):
    launch = InProcess()
    run = _run(tmp_path, mode="no-secret", launch=launch)
    assert run.states["make"] == FAILED
    assert launch.codes[1:] == [ExitCode.USAGE] * run.attempts["make"]
    assert (tmp_path / "registry" / "attempts").read_text() == "x"  # the work was done once
    said = capfd.readouterr().err
    assert "credentials are missing or not accepted (NoCredentialsError" in said
    assert "kubeflow.defaults.secret_env" in said


def test_an_image_without_our_entrypoint_fails_and_says_so(tmp_path):
    def other_image(argv, environment, pod):
        from tests.kubeflow.standin import start_process

        return start_process(["python", "-I", "-S", *argv[1:]], environment, pod)

    run = _run(tmp_path, launch=other_image)
    assert run.states == {"decide": FAILED, "make": SKIPPED, "use": SKIPPED}
    assert "No module named" in run.logs["decide"]


def test_a_note_is_of_one_task_or_there_is_none():
    from kubeflow.refusal import note_path

    given = {"registry": "/mnt/registry/"}
    own = note_path(given, "/minio/b/run/make/0f-e1/output_metadata.json")
    assert own == "/mnt/registry/.refused/0f-e1.json"
    assert note_path(given, "/tmp/kfp_outputs/output_metadata.json") is None
    assert note_path({}, "/minio/b/run/make/0f-e1/output_metadata.json") is None


def test_preempted_twice_then_done(tmp_path):
    launch = InProcess()
    run = _run(tmp_path, mode="preempted-twice", launch=launch)
    assert run.failed == []
    assert launch.codes == [0, TERMINATED, TERMINATED, 0, 0]


def test_a_step_that_ends_itself_after_sigterm_says_so_and_goes_on(tmp_path, capfd):
    launch = InProcess()
    run = _run(tmp_path, mode="ends-itself", launch=launch)
    assert run.failed == []
    assert launch.codes == [0, TERMINATED, 0, 0]
    assert "the pod was told to stop" in capfd.readouterr().err


def test_killed_in_mid_upload_then_retried(tmp_path):
    def cut(node_id, attempt):
        if (node_id, attempt) == ("make", 0):
            raise ConnectionError("bucket went away")

    run = _run(tmp_path, before_upload=cut)
    assert run.attempts["make"] == 2
    assert run.failed == []


def test_log_lines_are_json_and_name_the_step(tmp_path, capfd):
    _run(tmp_path, mode="user-error")
    lines = [
        json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")
    ]
    errors = [line for line in lines if line["severity"] == "ERROR"]
    assert errors[0]["node"] == "make"
    assert errors[0]["message"] == "class 'fog' is empty. To fix it: add images."


def test_a_real_process_runs_the_compiled_command(tmp_path):
    run = _run(tmp_path, parameters={"retrain": 0}, launch=_python_process)
    assert run.states["decide"] == SUCCEEDED, run.logs["decide"][-2000:]
    assert run.artifacts["decide"]["decision"].metadata["retrain"] == 0.0


def _python_process(argv, environment, pod):
    from tests.kubeflow.standin import start_process

    return start_process(argv, environment, pod)


def test_input_that_is_no_executor_input(capfd):
    code = entrypoint.main(
        [
            "--node_id=x",
            "--executor_class_path=a.B",
            "--json_serialized_invocation_args={{$}}",
        ]
    )
    assert code == ExitCode.USAGE
    assert "is not JSON" in capfd.readouterr().err
