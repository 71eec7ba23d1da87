"""A small HTTP server that speaks as much of KFP's v2beta1 API as the verbs use, for tests."""

from __future__ import annotations

import email
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import yaml


@dataclass
class State:
    """What the server holds; tests set `script` to say how runs go."""

    token: str | None = None
    pipelines: dict[str, str] = field(default_factory=dict)
    versions: list[dict[str, str]] = field(default_factory=list)
    documents: list[list[dict]] = field(default_factory=list)
    experiments: dict[str, str] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    recurring: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuse: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    script: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    looks: int = 0
    failures: int = 0
    url: str = ""


@contextmanager
def kfp_server(certificate: str = "") -> Iterator[State]:
    """Serves on a free port of this machine while the body runs; with a file of key and certificate over TLS."""
    state = State()

    class Handler(_Handler):
        held = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    held: State

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._route("GET")

    def do_POST(self) -> None:
        self._route("POST")

    def do_DELETE(self) -> None:
        self._route("DELETE")

    def _route(self, method: str) -> None:
        state, url = self.held, urlparse(self.path)
        state.calls.append(f"{method} {url.path}")
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if state.token and self.headers.get("authorization") != f"Bearer {state.token}":
            return self._send(401, {"error": "no token"})
        if state.failures and url.path.startswith("/apis/v2beta1/runs/"):
            state.failures -= 1
            return self._send(503, {"error": "restarting"})
        for part, status in state.refuse.items():
            if part in f"{method} {url.path}":
                return self._send(status, {"error": "Already exists" if status == 409 else "down"})
        for verb, pattern, name in _ROUTES:
            found = re.fullmatch(pattern, url.path)
            if verb == method and found:
                return getattr(self, name)(*found.groups())
        return self._send(404, {"error": f"{method} {url.path}"})

    def _send(self, status: int, value: Any) -> None:
        text = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _wanted(self) -> str | None:
        predicates = json.loads(self.query.get("filter") or "{}").get("predicates", [])
        return (
            predicates[0].get("stringValue") or predicates[0].get("string_value")
            if predicates
            else None
        )

    def health(self) -> None:
        self._send(200, {"multi_user": False})

    def list_pipelines(self) -> None:
        found = [
            {"pipeline_id": i, "display_name": n}
            for n, i in self.held.pipelines.items()
            if self._wanted() in (None, n)
        ]
        self._send(200, {"pipelines": found, "total_size": len(found)} if found else {})

    def _document(self) -> None:
        raw = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\n\n" + self.body
        [part] = email.message_from_bytes(raw).get_payload()
        self.held.documents.append(list(yaml.safe_load_all(part.get_payload(decode=True))))

    def upload(self) -> None:
        self._document()
        name = self.query["name"]
        self.held.pipelines[name] = f"pipeline-{len(self.held.pipelines) + 1}"
        self._send(200, {"pipeline_id": self.held.pipelines[name], "display_name": name})

    def upload_version(self) -> None:
        self._document()
        version = {
            "pipeline_id": self.query["pipelineid"],
            "pipeline_version_id": f"version-{len(self.held.versions) + 1}",
            "display_name": self.query["name"],
        }
        self.held.versions.append(version)
        self._send(200, version)

    def list_versions(self, pipeline_id: str) -> None:
        found = [v for v in self.held.versions if v["pipeline_id"] == pipeline_id]
        self._send(200, {"pipeline_versions": found})

    def list_experiments(self) -> None:
        found = [
            {"experiment_id": i, "display_name": n}
            for n, i in self.held.experiments.items()
            if self._wanted() in (None, n)
        ]
        self._send(200, {"experiments": found})

    def make_experiment(self) -> None:
        name = json.loads(self.body)["display_name"]
        self.held.experiments[name] = f"experiment-{len(self.held.experiments) + 1}"
        self._send(200, {"experiment_id": self.held.experiments[name], "display_name": name})

    def make_run(self) -> None:
        run_id = f"run-{len(self.held.runs) + 1}"
        self.held.runs[run_id] = {**json.loads(self.body), "run_id": run_id, "state": "PENDING"}
        self._send(200, self.held.runs[run_id])

    def get_run(self, run_id: str) -> None:
        state = self.held
        if run_id not in state.runs:
            return self._send(404, {"error": f"run {run_id} not found"})
        run = dict(state.runs[run_id])
        if state.script:
            run["state"], steps = state.script[min(state.looks, len(state.script) - 1)]
            state.looks += 1
            run["run_details"] = {"task_details": [_task(*item) for item in steps.items()]}
            if run["state"] == "FAILED":
                run["error"] = {"code": 13, "message": "a step failed"}
        return self._send(200, run)

    def list_runs(self) -> None:
        self._send(200, {"runs": list(reversed(self.held.runs.values()))})

    def make_recurring(self) -> None:
        """Checks the body by the generated client's own model, and what KFP's server checks beyond."""
        body = json.loads(self.body)
        if problem := _recurring_problem(body):
            return self._send(400, {"error": problem})
        made = {**body, "recurring_run_id": f"recurring-{len(self.held.calls)}"}
        self.held.recurring[made["recurring_run_id"]] = made
        return self._send(200, made)

    def list_recurring(self) -> None:
        """Two a page, so that paging is used."""
        wanted = self.query.get("experiment_id")
        found = [r for r in self.held.recurring.values() if r["experiment_id"] == wanted]
        start = int(self.query.get("page_token") or 0)
        page: dict[str, Any] = {"recurringRuns": found[start : start + 2]}
        if start + 2 < len(found):
            page["next_page_token"] = str(start + 2)
        self._send(200, page)

    def switch_recurring(self, recurring_id: str, verb: str) -> None:
        if recurring_id not in self.held.recurring:
            return self._send(404, {"error": f"{recurring_id} not found"})
        self.held.recurring[recurring_id]["mode"] = verb.upper()
        return self._send(200, {})

    def delete_recurring(self, recurring_id: str) -> None:
        if self.held.recurring.pop(recurring_id, None) is None:
            return self._send(404, {"error": f"{recurring_id} not found"})
        return self._send(200, {})

    def log(self, run_id: str, node: str) -> None:
        self._send(200, f"{run_id} {node} line 1\nline 2\n")


def _task(name: str, state: str) -> dict[str, Any]:
    return {
        "task_id": f"id-{name}",
        "display_name": name,
        "state": state,
        "child_tasks": [{"pod_name": f"pod-of-{name}"}],
    }


def _recurring_problem(body: dict[str, Any]) -> str:
    """What is wrong with the body of a new recurring run; "" where it is right."""
    import kfp_server_api

    model = kfp_server_api.V2beta1RecurringRun
    if unknown := set(body) - set(model.attribute_map.values()):
        return f"unknown fields {sorted(unknown)}"
    answer = type("Answer", (), {"data": json.dumps(body)})
    run = kfp_server_api.ApiClient().deserialize(answer, "V2beta1RecurringRun")
    if not 1 <= int(run.max_concurrency or 0) <= 10:
        return f"max_concurrency {run.max_concurrency} is not from 1 to 10"
    if run.mode not in ("ENABLE", "DISABLE"):
        return f"mode {run.mode!r}"
    cron, periodic = run.trigger.cron_schedule, run.trigger.periodic_schedule
    if (cron is None) == (periodic is None):
        return "exactly one trigger is needed"
    if cron is not None and len(cron.cron.split()) != 6:
        return f"cron {cron.cron!r} has not six fields"
    if periodic is not None and int(periodic.interval_second) < 1:
        return f"interval {periodic.interval_second}"
    reference = run.pipeline_version_reference
    return "" if reference and reference.pipeline_version_id else "no pipeline version"


_API = "/apis/v2beta1"
_ROUTES = [
    ("GET", f"{_API}/healthz", "health"),
    ("GET", f"{_API}/pipelines", "list_pipelines"),
    ("POST", f"{_API}/pipelines/upload", "upload"),
    ("POST", f"{_API}/pipelines/upload_version", "upload_version"),
    ("GET", f"{_API}/pipelines/([^/]+)/versions", "list_versions"),
    ("GET", f"{_API}/experiments", "list_experiments"),
    ("POST", f"{_API}/experiments", "make_experiment"),
    ("POST", f"{_API}/runs", "make_run"),
    ("GET", f"{_API}/runs", "list_runs"),
    ("GET", f"{_API}/runs/([^/]+)", "get_run"),
    ("POST", f"{_API}/recurringruns", "make_recurring"),
    ("GET", f"{_API}/recurringruns", "list_recurring"),
    ("POST", f"{_API}/recurringruns/([^/:]+):(enable|disable)", "switch_recurring"),
    ("DELETE", f"{_API}/recurringruns/([^/]+)", "delete_recurring"),
    ("GET", "/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log", "log"),
]
