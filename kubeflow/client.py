"""The KFP API as far as the verbs need it: upload, start, follow, read logs; over kfp.Client.

cluster = connect("http://localhost:8888", "kubeflow")
outcome = cluster.wait(run_id, timeout=3600, on_change=print)
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubeflow.api_errors import UnreachableError, explained, probe, token_of_environment
from trainer.errors import ExitCode, UserError

SUCCEEDED, FAILED, CANCELED = "SUCCEEDED", "FAILED", "CANCELED"
FINAL_STATES = frozenset({SUCCEEDED, FAILED, CANCELED, "SKIPPED"})
_STEP_CODES = {"data-gate": ExitCode.DATA_REFUSED, "trainer": ExitCode.TRAINING_FAILED}
_POLL_SECONDS = 5.0
_PATIENCE_SECONDS = 300.0
_OF_KFP = ("-driver", "executor", "root", "entrypoint")


@dataclass(frozen=True)
class Outcome:
    """Where a run is.

    Attributes:
      state: PENDING, RUNNING, SUCCEEDED, FAILED, CANCELED ...
      steps: state of each step by id, in the order they started.
      error: what KFP says of a failure; "" otherwise.
    """

    state: str
    steps: dict[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """The code a command that waited for this run exits with."""
        if self.state == SUCCEEDED:
            return ExitCode.OK
        if self.state == CANCELED:
            return ExitCode.INTERRUPTED
        failed = [step for step, state in self.steps.items() if state == FAILED]
        return _STEP_CODES.get(failed[0], ExitCode.INTERNAL) if failed else ExitCode.INTERNAL


@dataclass(frozen=True)
class RunSummary:
    """One line of `imagemill kubeflow list`."""

    run_id: str
    name: str
    state: str
    created: str


class Cluster:
    """A KFP installation.

    Args:
      client: a kfp.Client, or what behaves like one.
      host: its address, for links.
      namespace: where runs live.
      poll_seconds: pause between looks at a run.
    """

    def __init__(
        self, client: Any, host: str, namespace: str, poll_seconds: float = _POLL_SECONDS
    ) -> None:
        self._client = client
        self._host = host.rstrip("/")
        self._namespace = namespace
        self._poll_seconds = poll_seconds

    @property
    def namespace(self) -> str:
        """Where runs live."""
        return self._namespace

    @contextlib.contextmanager
    def calling(self) -> Iterator[Any]:
        """The kfp.Client, for a body whose errors become sentences."""
        with explained(self._host):
            yield self._client

    def upload(self, file: Path, name: str, version: str) -> tuple[str, str]:
        """Uploads a document as a version of pipeline `name`, unless that version is there already.

        Returns:
          Ids of the pipeline and of the version.
        """
        with explained(self._host):
            pipeline_id = self._client.get_pipeline_id(name)
            if pipeline_id is None:
                pipeline_id = self._client.upload_pipeline(
                    str(file), pipeline_name=name
                ).pipeline_id
            known = self._version_id(pipeline_id, version)
            if known is None:
                uploaded = self._client.upload_pipeline_version(
                    str(file), pipeline_version_name=version, pipeline_id=pipeline_id
                )
                known = uploaded.pipeline_version_id
        return str(pipeline_id), str(known)

    def _version_id(self, pipeline_id: str, version: str) -> str | None:
        token = ""
        while True:
            page = self._client.list_pipeline_versions(pipeline_id, page_token=token, page_size=100)
            for item in page.pipeline_versions or ():
                if item.display_name == version:
                    return str(item.pipeline_version_id)
            token = page.next_page_token or ""
            if not token:
                return None

    def start(
        self,
        *,
        experiment: str,
        job_name: str,
        pipeline_id: str,
        version_id: str,
        parameters: Mapping[str, Any],
        pipeline_root: str,
        service_account: str,
    ) -> str:
        """Starts a run of exactly this version; returns its id."""
        with explained(self._host):
            found = self._client.create_experiment(experiment, namespace=self._namespace)
            run = self._client.run_pipeline(
                found.experiment_id,
                job_name,
                params=dict(parameters),
                pipeline_id=pipeline_id,
                version_id=version_id,
                pipeline_root=pipeline_root or None,
                service_account=service_account or None,
            )
        return str(run.run_id)

    def outcome(self, run_id: str) -> Outcome:
        """Looks at a run once."""
        with explained(self._host):
            run = self._client.get_run(run_id)
        details = run.run_details.task_details if run.run_details else None
        tasks = sorted(
            details or (), key=lambda task: str(task.start_time or task.create_time or "")
        )
        steps = {
            task.display_name: str(task.state or "PENDING")
            for task in tasks
            if task.display_name and not task.display_name.endswith(_OF_KFP)
        }
        return Outcome(str(run.state or "PENDING"), steps, _message(run.error))

    def wait(self, run_id: str, timeout: float, on_change: Callable[[str, str], None]) -> Outcome:
        """Follows a run to its end, through minutes without a connection.

        Args:
          run_id: the run.
          timeout: seconds to wait at most.
          on_change: told of every step that changed its state.

        Raises:
          UserError: the run did not end in time; it goes on.
        """
        seen: dict[str, str] = {}
        deadline, last_answer = time.monotonic() + timeout, time.monotonic()
        while time.monotonic() < deadline:
            try:
                outcome = self.outcome(run_id)
            except UnreachableError:
                if time.monotonic() - last_answer > _PATIENCE_SECONDS:
                    raise
                time.sleep(self._poll_seconds)
                continue
            last_answer = time.monotonic()
            for step, state in outcome.steps.items():
                if seen.get(step) != state:
                    on_change(step, state)
            seen = dict(outcome.steps)
            if outcome.state in FINAL_STATES:
                return outcome
            time.sleep(self._poll_seconds)
        raise UserError(
            f"run {run_id} did not end within {timeout:g} seconds; it goes on",
            fix=f"run `imagemill kubeflow status {run_id} --wait`",
            code=ExitCode.INTERNAL,
        )

    def logs(self, run_id: str, step: str) -> Iterator[str]:
        """Lines of the log of a step's container.

        Raises:
          UserError: the run has no such step, or its pod is gone and no log was kept.
        """
        with explained(self._host):
            run = self._client.get_run(run_id)
        details = (run.run_details.task_details if run.run_details else None) or ()
        tasks = [task for task in details if task.display_name == step]
        if not tasks:
            known = sorted({task.display_name for task in details if task.display_name})
            raise UserError(
                f"run {run_id} has no step {step!r}", fix=f"name one of: {', '.join(known)}"
            )
        pods = [
            child.pod_name for task in tasks for child in task.child_tasks or () if child.pod_name
        ]
        for pod in dict.fromkeys([*pods, *(task.pod_name for task in tasks if task.pod_name)]):
            # Not yielded inside: the caller's prints would go where the client's go.
            try:
                with explained(self._host):
                    text = self._log(run_id, pod)
            except UserError as error:
                raise UserError(
                    f"there is no log of step {step!r} of run {run_id}: {error.message}",
                    fix="its pod may be gone: see the step's artifact `executor-logs` in KFP's UI, "
                    "where the cluster stores logs",
                    code=error.code,
                ) from None
            yield from text.splitlines()

    def _log(self, run_id: str, pod: str) -> str:
        api = self._client._run_api.api_client
        text, _, _ = api.call_api(
            f"/apis/v1alpha1/runs/{run_id}/nodes/{pod}/log",
            "GET",
            response_type="str",
            auth_settings=["Bearer"],
        )
        return str(text)

    def runs(self, experiment: str, count: int) -> list[RunSummary]:
        """Newest runs of an experiment."""
        with explained(self._host):
            found = self._client.create_experiment(experiment, namespace=self._namespace)
            page = self._client.list_runs(
                page_size=count,
                sort_by="created_at desc",
                experiment_id=found.experiment_id,
                namespace=self._namespace,
            )
        return [
            RunSummary(
                str(r.run_id), str(r.display_name), str(r.state or "PENDING"), f"{r.created_at}"
            )
            for r in page.runs or ()
        ]

    def run_url(self, run_id: str) -> str:
        """Where the UI shows a run."""
        return f"{self._host}/#/runs/details/{run_id}"


def connect(host: str, namespace: str) -> Cluster:
    """A client of the KFP API at `host`; "" means the one of the cluster that this runs in.

    Raises:
      UserError: there is no address, or nobody answers there.
    """
    from kfp import client

    if not host and "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise UserError(
            "no address of a KFP API is given",
            fix="set `kubeflow.host` or pass --host; for a cluster of your own: kubectl port-forward "
            "-n kubeflow svc/ml-pipeline 8888:8888, then --host http://localhost:8888",
        )
    token, cookies = token_of_environment(), os.environ.get("KFP_COOKIES")
    if host:
        probe(host, token, cookies)
    with explained(host):
        made = client.Client(
            host=host or None,
            namespace=namespace,
            existing_token=token,
            cookies=cookies,
            ssl_ca_cert=os.environ.get("SSL_CERT_FILE"),
        )
    return Cluster(made, host or f"http://ml-pipeline.{namespace}:8888", namespace)


def _message(error: Any) -> str:
    return str(getattr(error, "message", "") or "").strip() if error is not None else ""
