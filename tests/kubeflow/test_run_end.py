"""How cluster runs end in the registry's history, and who is told of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from components.retrain_check.history import Event, History, last_run
from kubeflow import run_end
from kubeflow.compile import compile_object
from kubeflow.executor_input import Task, TaskArtifact
from kubeflow.refusal import RETRY_VARIABLE
from pipeline.cluster_config import NodeConfig
from pipeline.config import Config, make_config
from tests.kubeflow.test_entrypoint import InProcess, _as_before  # noqa: F401 (gives logging back)
from trainer.errors import ExitCode, UserError

REFUSED = UserError("30 labels conflict", fix="look", code=ExitCode.DATA_REFUSED)
PUSHED = {"pushed": 1, "version": "4", "reason": "version 4 is in service"}


class Cluster:
    """A registry whose runs tell a program, which writes down what it is told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told_file = folder / "told"
        writer = f"import sys; open({str(self.told_file)!r}, 'a').write(sys.argv[1] + '\\n')"
        self.config: Config = make_config(
            {
                "name": "m",
                "data": {"root": "/mnt/photos"},
                "registry": str(folder / "registry"),
                "notify": {"command": [sys.executable, "-c", writer]},
                "kubeflow": {"image": "i@sha256:1"},
            },
            source="a test",
        )
        self.monkeypatch = monkeypatch
        for name, value in run_end.environment(self.config, NodeConfig(retries=2)).items():
            monkeypatch.setenv(name, value)
        evaluation = folder / "evaluation"
        evaluation.mkdir()
        (evaluation / "metrics.json").write_text(json.dumps({"overall": {"accuracy": 0.9}}))
        artifact = TaskArtifact("e", "tfx.ModelEvaluation", str(evaluation))
        self.task = Task({"evaluation": [artifact]}, {}, {}, "")
        self.history = History(self.config.registry_root, "m")

    def check(self, **values: object) -> None:
        """What the executor of `retrain-check` writes, and what the entrypoint then does."""
        values = {"retrain": True, "data_version": "d", "run_version": "c-c", **values}
        self.history.append(Event.model_validate({"kind": "check", "by": "kubeflow", **values}))
        run_end.succeeded("retrain-check", {}, self.task, {})

    def fails(self, node_id: str, error: Exception, retry: int = 0) -> None:
        self.monkeypatch.setenv(RETRY_VARIABLE, str(retry))
        with pytest.raises(type(error)), run_end.watched(node_id, {}):
            raise error

    def pushes(self, pushed: dict[str, object]) -> None:
        run_end.succeeded("model-pusher", {}, self.task, {"pushed_model": pushed})

    @property
    def told(self) -> list[str]:
        return self.told_file.read_text().splitlines() if self.told_file.exists() else []

    @property
    def outcomes(self) -> list[str | None]:
        return [event.outcome for event in self.history.events() if event.kind == "run"]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return Cluster(tmp_path, monkeypatch)


def test_a_new_model(cluster: Cluster):
    cluster.check()
    cluster.pushes(PUSHED)
    event = cluster.history.events()[-1]
    assert (event.outcome, event.version, event.by) == ("pushed", 4, "kubeflow")
    assert cluster.told == ["m: version 4 was pushed: accuracy 0.9"]


def test_a_refused_model_and_one_that_came_out_again(cluster: Cluster):
    cluster.check()
    cluster.pushes({"pushed": 0, "version": "", "reason": "the evaluation did not bless the model"})
    cluster.check()
    cluster.pushes({**PUSHED, "reason": "version 4 is in service already"})
    assert cluster.outcomes == ["refused_model", "unchanged"]
    assert [line.split(":")[1] for line in cluster.told] == [" the model was refused"]


def test_refused_data(cluster: Cluster):
    cluster.check()
    cluster.fails("data-gate", REFUSED)
    assert cluster.outcomes == ["refused_data"]
    assert cluster.told == [
        "m: the data were refused: data-gate: 30 labels conflict. The model in service stays."
    ]


def test_a_crash_counts_once_no_retry_is_left(cluster: Cluster):
    cluster.check()
    cluster.fails("trainer", MemoryError("8 GiB"), retry=0)
    cluster.fails("trainer", MemoryError("8 GiB"), retry=1)
    assert (cluster.outcomes, cluster.told) == ([], [])
    cluster.fails("trainer", MemoryError("8 GiB"), retry=2)
    assert cluster.outcomes == ["failed"]
    assert cluster.told[0].startswith("m: a run failed: trainer: MemoryError: 8 GiB (on ")


def test_what_a_retry_may_heal_is_no_refusal(cluster: Cluster):
    """Such as a bucket that does not answer: known by its words, tried again all the same."""
    cluster.check()
    away = UserError("the bucket does not answer", fix="wait", code=ExitCode.INTERNAL)
    cluster.fails("data-gate", away, retry=0)
    assert cluster.outcomes == []
    cluster.fails("data-gate", away, retry=2)
    assert cluster.outcomes == ["failed"]


def test_a_killed_run_is_told_of_by_the_next_check_once(cluster: Cluster):
    cluster.check()
    cluster.check(retrain=False)
    cluster.check(retrain=False)
    events = cluster.history.events()
    assert [event.kind for event in events] == ["check", "run", "check", "check"]
    assert cluster.outcomes == ["lost"]
    last = last_run(events)
    assert last is not None
    assert (last.outcome, last.failures) == ("lost", 1)
    assert [line.split(":")[1] for line in cluster.told] == [" a run failed"]


def test_drift(cluster: Cluster):
    cluster.check(reason="classes 0.67", numbers={"conditions": {"drift": True}})
    assert cluster.told == ["m: incoming images drifted: classes 0.67"]


def test_parameters_of_the_run_win_over_those_of_the_document(cluster: Cluster, tmp_path: Path):
    other = str(tmp_path / "other")
    with pytest.raises(UserError), run_end.watched("data-gate", {"registry": other, "name": "n"}):
        raise REFUSED
    assert History(other, "n").events()[0].outcome == "refused_data"
    assert cluster.history.events() == []


def test_without_notify_the_history_is_kept_all_the_same(tmp_path: Path, monkeypatch):
    monkeypatch.delenv(run_end.VARIABLE, raising=False)
    place = {"registry": str(tmp_path), "name": "m"}
    with pytest.raises(UserError), run_end.watched("data-gate", place):
        raise REFUSED
    with pytest.raises(OSError, match="disk"), run_end.watched("trainer", place):
        raise OSError("disk")
    assert [event.outcome for event in History(str(tmp_path), "m").events()] == ["refused_data"]


def test_nothing_that_goes_wrong_here_fails_the_step(cluster: Cluster, monkeypatch):
    monkeypatch.setenv(run_end.VARIABLE, "{half")
    cluster.pushes(PUSHED)
    monkeypatch.setenv(run_end.VARIABLE, json.dumps({"registry": "/dev/null/x", "name": "m"}))
    cluster.pushes(PUSHED)
    cluster.fails("trainer", REFUSED)
    assert cluster.outcomes == []


def test_the_document_carries_it_and_no_secret(cluster: Cluster):
    from tests.kubeflow.toy import toy_pipeline

    spec = compile_object(toy_pipeline("/mnt/registry", ""), cluster.config).spec
    executors = spec["deploymentSpec"]["executors"].values()
    for executor in executors:
        (variable,) = executor["container"]["env"]
        assert variable["name"] == run_end.VARIABLE
        assert json.loads(variable["value"])["name"] == "m"
        assert "{{" not in variable["value"]
    silent = cluster.config.model_copy(update={"notify": type(cluster.config.notify)()})
    spec = compile_object(toy_pipeline("/mnt/registry", ""), silent).spec
    assert all("env" not in e["container"] for e in spec["deploymentSpec"]["executors"].values())


def test_the_entrypoint_of_a_refusing_step_says_so_once(cluster: Cluster, tmp_path: Path):
    """Through the compiled document and KFP's retries."""
    from tests.kubeflow.standin import FAILED, StandIn
    from tests.kubeflow.toy import toy_pipeline

    spec = compile_object(
        toy_pipeline(cluster.config.registry_root, "user-error"), cluster.config
    ).spec
    run = StandIn(spec, workspace=tmp_path, launch=InProcess()).run()
    assert (run.states["make"], run.attempts["make"]) == (FAILED, 3)
    assert cluster.outcomes == ["refused_data"]
    assert cluster.told == [
        "m: the data were refused: make: class 'fog' is empty. The model in service stays."
    ]
