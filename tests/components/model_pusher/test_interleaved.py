"""Pushes at once on an object store, one operation at a time, in many orders drawn from seeds."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable

import pytest

from components.model_pusher.registry import Pushed, Registry
from components.model_pusher.storage import BeamStorage
from tests.components.model_pusher.fakes import BucketFileSystem, make_model

ROOT = "bucket://shop/registry"
SEEDS = range(25)


class Turns:
    """Lets one of several threads do one operation on the bucket at a time, chosen at random."""

    def __init__(self, seed: int, count: int) -> None:
        self._draw = random.Random(seed)
        self._change = threading.Condition()
        self._running = count
        self._waiting: list[int] = []
        self._chosen = -1
        self._mine = threading.local()

    def run(self, work: Callable[[], Pushed], results: list[Pushed]) -> None:
        self._mine.active = True
        try:
            results.append(work())
        finally:
            with self._change:
                self._running -= 1
                self._choose()

    def wait(self) -> None:
        """Blocks a thread of ours until it is chosen."""
        if not getattr(self._mine, "active", False):
            return
        me = threading.get_ident()
        with self._change:
            self._waiting.append(me)
            self._choose()
            assert self._change.wait_for(lambda: self._chosen == me, timeout=60)
            self._waiting.remove(me)
            self._chosen = -1

    def _choose(self) -> None:
        """Chooses once all wait, so that the order depends on the seed alone."""
        if self._waiting and len(self._waiting) == self._running:
            self._chosen = self._draw.choice(self._waiting)
            self._change.notify_all()


@pytest.fixture
def interleaved(tmp_path, monkeypatch):
    """Runs pushes at once on an empty bucket."""
    names = iter(range(10_000))

    def run(seed: int, *pushes: Callable[[], Pushed], before: Callable[[], object]) -> list[Pushed]:
        bucket = tmp_path / f"bucket{next(names)}"
        bucket.mkdir()
        monkeypatch.setenv("IMAGEMILL_TEST_BUCKET", str(bucket))
        before()
        turns, results = Turns(seed, len(pushes)), []
        monkeypatch.setattr(BucketFileSystem, "before_operation", staticmethod(turns.wait))
        monkeypatch.setattr(BeamStorage, "wait", lambda self: turns.wait())
        threads = [threading.Thread(target=turns.run, args=(push, results)) for push in pushes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert len(results) == len(pushes)
        return results

    return run


def push(model: str, text: str = "x", **options) -> Callable[[], Pushed]:
    record = {name: json.dumps({"by": text}).encode() for name in ("metrics.json", "config.json")}
    return lambda: Registry(ROOT, "scenes").push(model, record, **options)


def nothing() -> None:
    pass


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_model_with_different_records_is_one_version_with_one_of_them(
    interleaved, tmp_path, seed
):
    model = make_model(tmp_path / "m", "a")
    results = interleaved(seed, push(model, "one"), push(model, "two"), before=nothing)
    assert {result.version.number for result in results} == {1}
    [version] = Registry(ROOT, "scenes").versions()
    assert version.verify() == []
    writers = {version.read_json(name)["by"] for name in ("metrics.json", "config.json")}
    assert writers in ({"one"}, {"two"})
    assert sorted(version.record_files()) == ["config.json", "metrics.json"]
    assert Registry(ROOT, "scenes").in_service().number == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_of_two_models_compared_with_the_same_version_one_is_put_in_service(
    interleaved, tmp_path, seed
):
    old, one, two = (make_model(tmp_path / name, name) for name in ("old", "one", "two"))
    results = interleaved(
        seed, push(one, baseline=1), push(two, baseline=1), before=push(old, baseline=0)
    )
    registry = Registry(ROOT, "scenes")
    assert {version.number for version in registry.versions()} == {1, 2, 3}
    assert all(version.verify() == [] for version in registry.versions())
    [promoted] = [result.version.number for result in results if result.promoted]
    assert [move.version for move in registry.history()] == [1, promoted]
    assert registry.rollback().number == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_the_pointer_never_moves_back_to_an_older_version(interleaved, tmp_path, seed):
    one, two, three = (make_model(tmp_path / name, name) for name in "abc")
    interleaved(seed, push(one), push(two), push(three), before=nothing)
    registry = Registry(ROOT, "scenes")
    assert [version.number for version in registry.versions()] == [1, 2, 3]
    assert registry.in_service().number == 3
    numbers = [move.version for move in registry.history()]
    assert numbers == sorted(numbers)


def test_a_claim_and_a_move_that_a_kill_cut_short_are_passed_over(interleaved, tmp_path):
    model = make_model(tmp_path / "m", "a")

    def leave_announcements() -> None:
        storage = BeamStorage()
        for name in ("claims/00000001.json~dead", "pointer/00000001.json~dead"):
            storage.write(f"{ROOT}/scenes/.registry/{name}", b"{}")

    [pushed] = interleaved(0, push(model), before=leave_announcements)
    assert (pushed.version.number, pushed.promoted) == (2, True)


def test_records_that_lost_are_swept_a_day_later(interleaved, tmp_path, monkeypatch):
    model = make_model(tmp_path / "m", "a")
    for seed in SEEDS:
        interleaved(seed, push(model, "one"), push(model, "two"), before=nothing)
        records = {path.split("/")[-2] for path in BeamStorage().glob(ROOT, "scenes/1/record/*/*")}
        if len(records) == 2:
            break
    else:
        pytest.fail("the pushes never met")
    registry = Registry(ROOT, "scenes")
    registry.prune(keep=1)
    kept = registry.in_service().info.record
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2 * 24 * 3600)
    registry.prune(keep=1)
    left = {path.split("/")[-2] for path in BeamStorage().glob(ROOT, "scenes/1/record/*/*")}
    assert {f"record/{name}" for name in left} == {kept}
    assert registry.in_service().verify() == []
