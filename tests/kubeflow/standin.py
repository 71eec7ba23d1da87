"""A stand-in for KFP's driver and launcher: runs a compiled document's container commands as processes.

    run = StandIn(document, platform, workspace=tmp_path).run({"epochs": 1})
    run.states["trainer"], run.artifacts["model-pusher"]["pushed_model"].metadata

It is not KFP. It does to a container what KFP 2.17's driver and launcher do (read from their source): untyped inputs,
an extra `executor-logs`, remote URIs served from local copies, a fresh file system for each pod, parameters checked
against their types, metadata that comes back as doubles with KFP's own keys mixed in, nulls refused, lists wrapped,
empty folders lost, exit codes flattened to 1, retries, conditions, skipped dependents. A folder plays the object store.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
SUCCEEDED, FAILED, SKIPPED = "succeeded", "failed", "skipped"
Launch = Callable[[list[str], Mapping[str, str], Path], int]
_KNOWN_ARTIFACT_KEYS = {"name", "type", "uri", "metadata", "customPath"}
_KNOWN_OUTPUT_KEYS = {"artifacts", "parameterValues"}


class RefusedError(Exception):
    """What the real backend would not accept."""


@dataclass
class Artifact:
    """An artifact in the object store."""

    name: str
    uri: str
    metadata: dict[str, Any] = field(default_factory=dict)
    type: dict[str, Any] = field(default_factory=dict)


@dataclass
class Run:
    """What became of a run."""

    states: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    exit_codes: dict[str, list[int]] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, dict[str, Artifact]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> list[str]:
        return [node for node, state in self.states.items() if state == FAILED]


class StandIn:
    """Runs one compiled document.

    Args:
      spec: the pipeline spec.
      workspace: where the object store (`bucket`) and the pods' file systems live.
      launch: starts a container command; receives argv, extra environment and the pod's folder.
      before_upload: called with the step's id and attempt after success, before uploads; may raise.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        *,
        workspace: Path,
        pipeline_root: str = "minio://mlpipeline/v2/artifacts",
        launch: Launch | None = None,
        before_upload: Callable[[str, int], None] = lambda node_id, attempt: None,
    ) -> None:
        self.spec = spec
        self.bucket = workspace / "bucket"
        self.pods = workspace / "pods"
        self.root = f"{pipeline_root}/{spec['pipelineInfo']['name']}/{uuid.uuid4()}"
        self.launch = launch or start_process
        self.before_upload = before_upload
        self.ids = itertools.count(1)

    def run(self, parameters: Mapping[str, Any] | None = None) -> Run:
        """Runs every task in order."""
        values = self._run_parameters(dict(parameters or {}))
        run = Run()
        for node_id in in_order(self.spec["root"]["dag"]["tasks"]):
            needed = dependencies(self.spec["root"]["dag"]["tasks"][node_id])
            if any(run.states.get(name) != SUCCEEDED for name in needed):
                run.states[node_id] = SKIPPED
                continue
            self._task(node_id, values, run)
        return run

    def _run_parameters(self, given: dict[str, Any]) -> dict[str, Any]:
        declared = self.spec["root"]["inputDefinitions"]["parameters"]
        unknown = set(given) - set(declared)
        if unknown:
            raise RefusedError(f"parameters {sorted(unknown)} are not pipeline inputs")
        values = {}
        for name, parameter in declared.items():
            if name not in given and "defaultValue" not in parameter:
                raise RefusedError(f"parameter {name} is required")
            values[name] = given.get(name, parameter.get("defaultValue"))
            check_type(name, parameter["parameterType"], values[name])
        return values

    def _task(self, node_id: str, values: Mapping[str, Any], run: Run) -> None:
        task = self.spec["root"]["dag"]["tasks"][node_id]
        component = self.spec["components"][node_id]
        container = self.spec["deploymentSpec"]["executors"][component["executorLabel"]][
            "container"
        ]
        inputs = self._inputs(task, component, values, run)
        condition = task.get("triggerPolicy", {}).get("condition")
        if condition and not evaluate(condition, inputs):
            run.states[node_id] = SKIPPED
            return
        outputs = self._provision(node_id, component)
        executor_input = {"inputs": inputs, "outputs": outputs}
        run.images[node_id] = resolve(container["image"], inputs)
        limit = 1 + int(task.get("retryPolicy", {}).get("maxRetryCount", 0))
        for attempt in range(limit):
            run.attempts[node_id] = attempt + 1
            code = self._attempt(node_id, container, executor_input, attempt, run)
            run.exit_codes.setdefault(node_id, []).append(code)
            if code == 0:
                run.states[node_id] = SUCCEEDED
                return
        run.states[node_id] = FAILED

    def _inputs(
        self, task: Mapping, component: Mapping, values: Mapping[str, Any], run: Run
    ) -> dict[str, Any]:
        given = task.get("inputs", {})
        declared = component.get("inputDefinitions", {}).get("parameters", {})
        parameters = {}
        for name, source in given.get("parameters", {}).items():
            if "componentInputParameter" in source:
                parameters[name] = values[source["componentInputParameter"]]
            else:
                parameters[name] = source["runtimeValue"]["constant"]
            check_type(name, declared[name]["parameterType"], parameters[name])
        artifacts = {}
        for name, source in given.get("artifacts", {}).items():
            producer = source["taskOutputArtifact"]
            found = run.artifacts[producer["producerTask"]][producer["outputArtifactKey"]]
            # No type: that is what the driver hands on.
            entry = {
                "name": found.name,
                "uri": found.uri,
                "metadata": copy.deepcopy(found.metadata),
            }
            artifacts[name] = {"artifacts": [entry]}
        return {"parameterValues": parameters, "artifacts": artifacts}

    def _provision(self, node_id: str, component: Mapping) -> dict[str, Any]:
        task_root = f"{self.root}/{node_id}/{uuid.uuid4()}"
        specs = dict(component.get("outputDefinitions", {}).get("artifacts", {}))
        specs["executor-logs"] = {"artifactType": {"schemaTitle": "system.Artifact"}}
        artifacts = {
            name: {
                "artifacts": [
                    {
                        "name": name,
                        "uri": f"{task_root}/{name}",
                        "type": spec["artifactType"],
                        "metadata": spec.get("metadata", {}),
                    }
                ]
            }
            for name, spec in specs.items()
        }
        return {"artifacts": artifacts, "outputFile": f"{local(task_root)}/output_metadata.json"}

    def _attempt(
        self, node_id: str, container: Mapping, executor_input: dict, attempt: int, run: Run
    ) -> int:
        pod = self.pods / f"{node_id}-{attempt}-{uuid.uuid4().hex[:6]}"
        pod.mkdir(parents=True)
        self._download(pod, executor_input["inputs"]["artifacts"])
        seen = copy.deepcopy(executor_input)
        seen["outputs"]["outputFile"] = f"{pod}{seen['outputs']['outputFile']}"
        text = json.dumps(seen, separators=(",", ":"))
        arguments = [resolve(arg, executor_input["inputs"]) for arg in container["args"]]
        argv = [*container["command"], *(arg.replace("{{$}}", text) for arg in arguments)]
        environment = {"KFP_RETRY_INDEX": str(attempt), "IMAGEMILL_KFP_LOCAL_ROOT": str(pod)}
        code = self.launch(argv, environment, pod)
        run.logs[node_id] = run.logs.get(node_id, "") + _text(pod / "log")
        if code == 0:
            try:
                self.before_upload(node_id, attempt)
                run.artifacts[node_id] = self._publish(pod, seen)
            except ConnectionError:
                code = 1
        shutil.rmtree(pod, ignore_errors=True)
        return 1 if code else 0  # KFP's launcher has one exit code for every failure

    def _download(self, pod: Path, artifacts: Mapping[str, Any]) -> None:
        for holder in artifacts.values():
            for artifact in holder["artifacts"]:
                source = self.bucket / artifact["uri"].partition("://")[2]
                if source.exists():
                    shutil.copytree(source, f"{pod}{local(artifact['uri'])}", dirs_exist_ok=True)

    def _publish(self, pod: Path, executor_input: Mapping) -> dict[str, Artifact]:
        reported = read_output(Path(executor_input["outputs"]["outputFile"]))
        published = {}
        for name, holder in executor_input["outputs"]["artifacts"].items():
            [artifact] = holder["artifacts"]
            [said] = reported.get(name, {}).get("artifacts", [{}])
            uri = said.get("uri") or artifact["uri"]
            upload(Path(f"{pod}{local(uri)}"), self.bucket / uri.partition("://")[2])
            metadata = {**artifact["metadata"], **said.get("metadata", {})}
            # An artifact's name is its id in the metadata store: that is what KFP's cache key holds.
            identity = str(next(self.ids))
            published[name] = Artifact(identity, uri, coerce(metadata, name), artifact["type"])
        return published


def start_process(argv: list[str], environment: Mapping[str, str], pod: Path) -> int:
    """Runs a container command with this interpreter, on this repo's code, in the pod's folder."""
    with process_of(argv, environment, pod) as process:
        return process.wait()


@contextlib.contextmanager
def process_of(
    argv: list[str], environment: Mapping[str, str], pod: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A container command that runs; what it prints goes to the pod's log."""
    command = [sys.executable, *argv[1:]] if argv[0] == "python" else argv
    variables = {**os.environ, "PYTHONPATH": str(REPO), **environment}
    with (
        (pod / "log").open("wb") as log,
        subprocess.Popen(
            command, cwd=pod, env=variables, stdout=log, stderr=subprocess.STDOUT
        ) as process,
    ):
        yield process


def local(uri: str) -> str:
    """`LocalPathForURI` of KFP's launcher."""
    for scheme, root in (("gs://", "/gcs/"), ("minio://", "/minio/"), ("s3://", "/s3/")):
        if uri.startswith(scheme):
            return root + uri[len(scheme) :]
    raise RefusedError(f"failed to generate local path for URI {uri}: unsupported storage scheme")


def check_type(name: str, kind: str, value: Any) -> None:
    """The driver's check of a parameter value against its declared type."""
    fits = {
        "STRING": isinstance(value, str),
        "NUMBER_INTEGER": isinstance(value, (int, float)) and not isinstance(value, bool),
        "NUMBER_DOUBLE": isinstance(value, (int, float)) and not isinstance(value, bool),
        "BOOLEAN": isinstance(value, bool),
    }
    if not fits[kind]:
        raise RefusedError(f"input parameter {name!r} type mismatch: expect {kind}, got {value!r}")


def resolve(text: str, inputs: Mapping[str, Any]) -> str:
    """Replaces parameter placeholders, as the driver does."""

    def value(match: re.Match[str]) -> str:
        return str(inputs["parameterValues"][match.group(1)])

    return re.sub(r"\{\{\$\.inputs\.parameters\['(.+?)'\]\}\}", value, text)


def evaluate(condition: str, inputs: Mapping[str, Any]) -> bool:
    """The few CEL forms that TFX compiles; integers and doubles do not compare in CEL."""
    python = condition.replace("&&", " and ").replace("||", " or ").replace("!(", " not (")
    pattern = r"inputs\.artifacts\['([^']+)'\]\.artifacts\[0\]\.metadata\['([^']+)'\]"

    def lookup(match: re.Match[str]) -> str:
        [artifact] = inputs["artifacts"][match.group(1)]["artifacts"]
        if match.group(2) not in artifact["metadata"]:
            raise RefusedError(f"evaluation error: no such key: {match.group(2)}")
        return repr(artifact["metadata"][match.group(2)])

    python = re.sub(pattern, lookup, python)
    if re.search(r"[A-Za-z_]", re.sub(r"'[^']*'|\band\b|\bor\b|\bnot\b", "", python)):
        raise RefusedError(f"condition {condition!r} holds what this stand-in cannot evaluate")
    return bool(eval(python, {"__builtins__": {}}))


def read_output(path: Path) -> dict[str, Any]:
    """The output file, read as strictly as the launcher's protojson."""
    if not path.exists():
        return {}
    document = json.loads(path.read_text())
    unknown = set(document) - _KNOWN_OUTPUT_KEYS
    for holder in document.get("artifacts", {}).values():
        for artifact in holder["artifacts"]:
            unknown |= set(artifact) - _KNOWN_ARTIFACT_KEYS
    if unknown:
        raise RefusedError(f"failed to unmarshall ExecutorOutput: unknown fields {sorted(unknown)}")
    return document.get("artifacts", {})


def coerce(metadata: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What metadata looks like after a trip through KFP's metadata store."""
    result: dict[str, Any] = {"display_name": name, "store_session_info": "{}"}
    for key, value in metadata.items():
        if value is None:
            raise RefusedError(f"metadata {key!r} is null")
        if isinstance(value, str):
            result[key] = value
        elif isinstance(value, (int, float)):
            result[key] = float(value)
        else:
            result[key] = {"list" if isinstance(value, list) else "struct": value}
    return result


def upload(source: Path, target: Path) -> None:
    """Copies files; an object store has no empty folders."""
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    for file in sorted(source.rglob("*")) if source.is_dir() else ():
        if file.is_file():
            copied = target / file.relative_to(source)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copied)


def dependencies(task: Mapping) -> set[str]:
    """Explicit dependencies and producers of inputs."""
    producers = {
        source["taskOutputArtifact"]["producerTask"]
        for source in task.get("inputs", {}).get("artifacts", {}).values()
    }
    return producers | set(task.get("dependentTasks", ()))


def in_order(tasks: Mapping[str, Mapping]) -> Iterable[str]:
    """Task ids, producers first."""
    waiting, done = dict(sorted(tasks.items())), []
    while waiting:
        ready = [name for name in waiting if dependencies(waiting[name]) <= set(done)]
        if not ready:
            raise RefusedError(f"tasks {sorted(waiting)} wait for each other")
        for name in ready:
            done.append(name)
            del waiting[name]
    return done


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
