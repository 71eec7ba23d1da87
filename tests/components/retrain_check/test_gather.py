"""A check against a real registry and real folders: what it finds, what it writes, what it never reads."""

from __future__ import annotations

import builtins
import datetime
import json
import os
from pathlib import Path

import pytest

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.listing import list_images
from components.model_pusher.registry import Registry
from components.retrain_check.config import RetrainConfig
from components.retrain_check.decision import Decision, decide
from components.retrain_check.gather import Check, Request
from components.retrain_check.history import Event, History
from tests.components.model_pusher.fakes import make_model

NOW = datetime.datetime(2026, 3, 31, 12, tzinfo=datetime.timezone.utc)


class World:
    """A folder of pictures, a registry, and what can happen to them."""

    def __init__(self, folder: Path, policy: dict[str, object] | None = None) -> None:
        self.folder = folder
        self.photos, self.registry = folder / "photos", str(folder / "registry")
        self.policy = RetrainConfig.model_validate({"when": "changed", **(policy or {})})
        self.history = History(self.registry, "m")
        self.add("a", 60)
        self.add("b", 60)

    def add(self, class_name: str, count: int, size: int = 100) -> None:
        folder = self.photos / class_name
        folder.mkdir(parents=True, exist_ok=True)
        start = len(list(folder.iterdir()))
        for i in range(start, start + count):
            (folder / f"{i}.jpg").write_bytes(os.urandom(size))

    def check(self, **values: object) -> Decision:
        request = Request(
            data_root=str(self.photos),
            registry=self.registry,
            name="m",
            run_version="r-c",
            ingest=IngestConfig(),
            policy=self.policy,
            now=NOW,
            **values,  # type: ignore[arg-type]
        )
        check = Check(request)
        decision = decide(self.policy, check.facts)
        check.write_down(decision)
        return decision

    def push(self, decision: Decision) -> None:
        """What the rest of the pipeline would do with these data."""
        number = len(Registry(self.registry, "m").versions()) + 1
        lineage = {"data_version": decision.data_version, "run_version": decision.run_version}
        model = make_model(self.folder / f"model-{number}", str(number))
        Registry(self.registry, "m").push(model, {"lineage.json": json.dumps(lineage).encode()})
        self.history.append(Event(kind="run", outcome="pushed", version=number), NOW)


def test_first_run_then_skip_then_numbers(tmp_path):
    world = World(tmp_path)
    first = world.check()
    assert (first.retrain, first.reason) == (True, "no model is in service yet")
    world.push(first)
    assert not world.check().retrain
    world.add("a", 3)
    world.add("c", 1)
    third = world.check()
    assert third.retrain
    assert third.change is not None
    assert (third.change.added, third.change.added_per_class) == (4, {"a": 3, "c": 1})
    assert third.change.new_classes == ("c",)
    assert [event.retrain for event in world.history.events() if event.kind == "check"] == [
        True,
        False,
        True,
    ]
    assert world.history.events()[-1].numbers["change"]["added"] == 4


def test_no_image_is_opened(tmp_path, monkeypatch):
    world = World(tmp_path)
    world.push(world.check())
    world.add("a", 70, size=5000)
    opened: list[str] = []
    real = builtins.open

    def spy(file, *args, **kwargs):
        opened.append(str(file))
        return real(file, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", spy)
    monkeypatch.setattr(Path, "open", lambda self, *args, **kwargs: spy(self, *args, **kwargs))
    world.policy = RetrainConfig(when="any")
    decision = world.check()
    assert {finding.what: finding.drifted for finding in decision.drift} == {
        "classes": True,
        "file_sizes": True,
    }
    assert opened
    assert [path for path in opened if path.endswith(".jpg")] == []


def test_a_killed_run_is_noticed_and_a_pushed_one_is_not_lost(tmp_path):
    world = World(tmp_path)
    world.check()
    again = world.check()
    assert again.last_run is not None
    assert (again.last_run.outcome, again.last_run.failures) == ("lost", 1)
    version = Registry(world.registry, "m")
    lineage = {"data_version": again.data_version, "run_version": "r-c"}
    version.push(make_model(tmp_path / "x", "x"), {"lineage.json": json.dumps(lineage).encode()})
    after = world.check()
    assert not after.retrain
    assert after.last_run is not None
    assert after.last_run.outcome == "pushed"


def test_a_listing_given_is_not_made_again(tmp_path, monkeypatch):
    world = World(tmp_path)
    listing = list_images(str(world.photos), IngestConfig())
    monkeypatch.setattr("components.retrain_check.gather.list_images", pytest.fail)
    request = Request(
        data_root=str(world.photos),
        registry=world.registry,
        name="m",
        run_version="r-c",
        ingest=IngestConfig(),
        policy=world.policy,
        now=NOW,
    )
    assert Check(request, listing).facts.data_version == listing.fingerprint()


def test_listings_of_versions_are_kept_and_others_forgotten(tmp_path):
    world = World(tmp_path)
    served = world.check()
    world.push(served)
    for _ in range(3):
        world.add("a", 1)
        last = world.check()
    kept = {path.stem for path in tmp_path.rglob("*.npz")}
    assert kept == {served.data_version[:40], last.data_version[:40]}


def test_always_looks_at_no_history(tmp_path, monkeypatch):
    world = World(tmp_path, {"when": "always"})
    world.push(world.check())
    monkeypatch.setattr(History, "events", pytest.fail)
    assert world.check().reason.startswith("the policy is to train on every run")
