"""How a run on a cluster ended: the step that knows it writes it into the registry's history and tells people.

    with run_end.watched(node_id, parameters):
        outputs = execute()
    run_end.succeeded(node_id, parameters, task, outputs)

`model-pusher` knows of a model pushed or refused, any step of its own failure, and `retrain-check` of drift and
of a run before that nobody ended, because its pod was killed. What to tell whom, and which registry a step belongs to
that has no such parameter, is in the environment variable `IMAGEMILL_RUN_END`, set where the config has a `notify:`
section; secrets are in variables of their own (`kubeflow.defaults.secret_env`). Nothing here ever fails a step.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from components.model_pusher.registry import Registry
from components.retrain_check.gather import in_service
from components.retrain_check.history import Event, History, utc_text
from kubeflow.executor_input import Task
from kubeflow.refusal import RETRY_VARIABLE
from pipeline.cluster_config import NodeConfig
from pipeline.config import Config
from pipeline.notify.config import NotifyConfig
from pipeline.notify.message import messages_of
from pipeline.notify.send import notify
from pipeline.recorded import end_of_error
from trainer.errors import ExitCode, UserError
from trainer.settings import Settings

VARIABLE = "IMAGEMILL_RUN_END"
CHECK, PUSHER = "retrain-check", "model-pusher"
_BY = "kubeflow"
_LOST = "its pod was killed, or could not start: nobody wrote down how it ended"
_LOGGER = logging.getLogger("imagemill.kubeflow")
Parameters = Mapping[str, Any]


class RunEnd(Settings):
    """What a step must know to write down and tell how its run ended."""

    registry: str = Field("", description="The registry; empty: not known to this step.")
    name: str = Field("", description="The model's name in it.")
    retries: int | None = Field(None, description="Tries after the first; null: not known.")
    notify: NotifyConfig = Field(NotifyConfig(), description="Who is told of what.")

    @property
    def last_try(self) -> bool:
        """Whether Argo will not start this step again; False where that is not known."""
        return self.retries is not None and _try() >= self.retries

    def history(self) -> History:
        """The registry's history."""
        return History(self.registry, self.name)

    def write(self, event: Event) -> None:
        """Adds a line and tells people of it."""
        self.tell(self.history().append(event.model_copy(update={"by": _BY})))

    def tell(self, event: Event) -> None:
        """Tells people of a line."""
        notify(self.notify, messages_of(self.name, event))


def environment(config: Config, node: NodeConfig) -> dict[str, str]:
    """The variable for a step's container; {} where nobody is to be told."""
    if not config.notify.anybody:
        return {}
    known = RunEnd(
        registry=config.registry_root,
        name=config.name,
        retries=node.retries or 0,
        notify=config.notify,
    )
    return {VARIABLE: known.model_dump_json(exclude_defaults=True)}


@contextlib.contextmanager
def watched(node_id: str, parameters: Parameters) -> Iterator[None]:
    """Writes down and tells that the body failed for good; raises on whatever it raised."""
    try:
        yield
    except Exception as error:
        with _harmless():
            _failed(node_id, parameters, error)
        raise


def succeeded(node_id: str, parameters: Parameters, task: Task, outputs: Mapping[str, Any]) -> None:
    """Writes down and tells what a step that ended well knows of the run."""
    with _harmless():
        end = _of(parameters)
        if end is None:
            return
        if node_id == CHECK:
            _checked(end)
        if node_id == PUSHER:
            end.write(_release(task, outputs.get("pushed_model", {})))


def _failed(node_id: str, parameters: Parameters, error: Exception) -> None:
    end = _of(parameters)
    refused = isinstance(error, UserError) and error.code is not ExitCode.INTERNAL
    final = refused or (end is not None and end.last_try)
    if end is None or not final:
        return
    event = end_of_error(error)
    end.write(event.model_copy(update={"reason": f"{node_id}: {event.reason}"}))


def _checked(end: RunEnd) -> None:
    """Tells of drift, and ends the run before where nobody did."""
    events = [event for event in end.history().events(months=3) if event.kind != "schedule"]
    *before, check = events
    if (
        before
        and before[-1].kind == "check"
        and before[-1].retrain
        and not _served(end, before[-1])
    ):
        # Its line belongs before that of the check that has just been written.
        then = datetime.datetime.fromisoformat(before[-1].time) + datetime.timedelta(microseconds=1)
        end.write(Event(kind="run", outcome="lost", reason=_LOST, time=utc_text(then)))
    end.tell(check)


def _served(end: RunEnd, begun: Event) -> bool:
    """Whether the model that this run was to make is in service, so that it did end."""
    served = in_service(Registry(end.registry, end.name))
    made = (begun.data_version, begun.run_version)
    return served is not None and (served.data_version, served.run_version) == made


def _release(task: Task, pushed: Mapping[str, Any]) -> Event:
    reason, version = str(pushed.get("reason", "")), str(pushed.get("version") or "")
    if not pushed.get("pushed"):
        return Event(kind="run", outcome="refused_model", reason=reason)
    if reason.endswith("is in service already"):
        return Event(kind="run", outcome="unchanged", reason=reason)
    return Event(
        kind="run",
        outcome="pushed",
        reason=reason,
        version=int(version),
        numbers={"metrics": _metrics(task)},
    )


def _metrics(task: Task) -> dict[str, float]:
    path = Path(task.inputs["evaluation"][0].path, "metrics.json")
    overall = json.loads(path.read_text(encoding="utf-8"))["overall"]
    return {name: round(value, 6) for name, value in overall.items()}


def _of(parameters: Parameters) -> RunEnd | None:
    """What this step knows: its own parameters first, which a person may have set for this run."""
    try:
        known = RunEnd.model_validate_json(os.environ.get(VARIABLE) or "{}")
    except ValidationError as error:
        _LOGGER.warning("the environment variable %s cannot be read: %s", VARIABLE, error)
        known = RunEnd()
    own = {key: str(parameters[key]) for key in ("registry", "name") if parameters.get(key)}
    known = known.model_copy(update=own)
    return known if known.registry and known.name else None


def _try() -> int:
    """Number of this try, from 0."""
    text = os.environ.get(RETRY_VARIABLE, "0")
    return int(text) if text.isdigit() else 0


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    try:
        yield
    except Exception:
        _LOGGER.warning("could not write down or tell how the run ended", exc_info=True)
