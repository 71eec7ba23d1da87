from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from components.model_pusher.bucket import BeamStorage
from components.model_pusher.registry import Registry, names, open_registry, resolve_model
from tests.components.model_pusher.fakes import BucketFileSystem, make_model, run_and_die
from trainer.errors import UserError

assert BucketFileSystem.scheme() == "bucket"


@pytest.fixture(params=["disk", "bucket"])
def root(request, tmp_path, monkeypatch):
    (tmp_path / "bucket").mkdir()
    monkeypatch.setenv("IMAGEMILL_TEST_BUCKET", str(tmp_path / "bucket"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return str(tmp_path / "reg[i]stry*") if request.param == "disk" else "bucket://shop/reg[i]stry"


def record(text: str = "x") -> dict[str, bytes]:
    return {
        "metrics.json": json.dumps({"text": text}).encode(),
        "statistics/Split-train/FeatureStats.pb": b"s",
    }


def push(root: str, model: str, **options):
    return Registry(root, "scenes").push(model, record(model), **options)


def test_first_push_is_version_1_in_service_with_its_record(root, tmp_path):
    model = make_model(tmp_path / "m", "a")
    pushed = push(root, model)
    assert (pushed.version.number, pushed.created, pushed.promoted) == (1, True, True)
    version = Registry(root, "scenes").in_service()
    assert version.path.endswith("/scenes/1")
    assert version.read_json("metrics.json") == {"text": model}
    assert version.read_json("absent.json") == {}
    assert sorted(version.record_files()) == [
        "metrics.json",
        "statistics/Split-train/FeatureStats.pb",
    ]
    assert version.has("metrics.json")
    assert not version.has("absent.json")
    assert version.verify() == []


def test_empty_registry_has_nothing(root):
    registry = Registry(root, "scenes")
    assert registry.versions() == ()
    assert registry.in_service() is None
    assert registry.history() == []
    assert names(root) == []
    with pytest.raises(UserError, match="no version 3"):
        registry.version(3)
    with pytest.raises(UserError, match="no earlier version"):
        registry.rollback()


def test_the_same_model_never_becomes_two_versions(root, tmp_path):
    model = make_model(tmp_path / "m", "a")
    push(root, model)
    again = push(root, model)
    assert (again.version.number, again.created, again.promoted) == (1, False, False)
    assert [v.number for v in Registry(root, "scenes").versions()] == [1]


def test_versions_count_up_and_the_newest_serves(root, tmp_path):
    for number in (1, 2, 3):
        assert push(root, make_model(tmp_path / f"m{number}", str(number))).version.number == number
    registry = Registry(root, "scenes")
    assert [v.number for v in registry.versions()] == [1, 2, 3]
    assert registry.in_service().number == 3


def test_versions_sort_as_numbers(root, tmp_path):
    for number in range(1, 12):
        push(root, make_model(tmp_path / f"m{number}", str(number)))
    assert [v.number for v in Registry(root, "scenes").versions()] == list(range(1, 12))
    assert Registry(root, "scenes").in_service().number == 11


def test_compared_with_another_than_the_one_in_service_it_is_only_filed(root, tmp_path):
    push(root, make_model(tmp_path / "a", "a"), baseline=0)
    push(root, make_model(tmp_path / "b", "b"), baseline=1)
    late = push(root, make_model(tmp_path / "c", "c"), baseline=1)
    assert (late.version.number, late.promoted) == (3, False)
    assert "compared with version 1, but version 2 is in service" in late.reason
    assert Registry(root, "scenes").in_service().number == 2


def test_rollback_walks_back_and_a_new_push_goes_on_from_there(root, tmp_path):
    for name in "abc":
        push(root, make_model(tmp_path / name, name))
    registry = Registry(root, "scenes")
    assert registry.rollback_target().number == 2
    assert registry.rollback().number == 2
    assert registry.rollback().number == 1
    with pytest.raises(UserError, match="no earlier version"):
        registry.rollback()
    assert registry.in_service().number == 1
    push(root, make_model(tmp_path / "d", "d"))
    assert registry.in_service().number == 4
    assert registry.rollback().number == 1
    assert [move.version for move in registry.history()] == [1, 2, 3, 2, 1, 4, 1]


def test_promote_chooses_any_version_and_can_be_undone(root, tmp_path):
    for name in "abc":
        push(root, make_model(tmp_path / name, name))
    registry = Registry(root, "scenes")
    registry.promote(1)
    assert registry.in_service().number == 1
    assert registry.rollback().number == 3
    with pytest.raises(UserError, match=r"no version 9; it has: 1, 2, 3"):
        registry.promote(9)


def test_promote_false_only_files(root, tmp_path):
    assert not push(root, make_model(tmp_path / "a", "a"), promote=False).promoted
    assert Registry(root, "scenes").in_service() is None


def test_prune_spares_the_newest_the_serving_and_the_rollback_target(root, tmp_path):
    for name in "abcdef":
        push(root, make_model(tmp_path / name, name))
    registry = Registry(root, "scenes")
    registry.promote(2)
    assert registry.prune(keep=1) == [1, 3, 4, 5]
    assert [v.number for v in registry.versions()] == [2, 6]
    assert registry.rollback().number == 6
    assert registry.prune(keep=0) == []
    again = push(root, str(tmp_path / "a"))
    assert again.version.number == 7, "a deleted number is never given out again"


def test_rollback_skips_a_version_deleted_by_hand(tmp_path):
    root = str(tmp_path / "registry")
    for name in "abc":
        push(root, make_model(tmp_path / name, name))
    (tmp_path / "registry/scenes/2/record/version.json").unlink()
    assert Registry(root, "scenes").rollback().number == 1


def test_in_service_falls_back_when_the_version_is_gone(tmp_path):
    root = str(tmp_path / "registry")
    for name in "ab":
        push(root, make_model(tmp_path / name, name))
    (tmp_path / "registry/scenes/2/record/version.json").unlink()
    assert Registry(root, "scenes").in_service().number == 1


def test_verify_names_the_damaged_file(tmp_path):
    root = str(tmp_path / "registry")
    version = push(root, make_model(tmp_path / "a", "a")).version
    (Path(version.path) / "variables" / "variables.index").write_text("rot")
    assert version.verify() == ["variables/variables.index"]


def test_a_folder_that_is_no_model_is_refused(root, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="not a SavedModel"):
        push(root, str(tmp_path / "empty"))


def test_names_and_resolving(root, tmp_path):
    model = make_model(tmp_path / "m", "a")
    push(root, model)
    assert names(root) == ["scenes"]
    for path in (root, f"{root}/scenes", f"{root}/scenes/"):
        resolved = Path(resolve_model(path))
        assert (resolved / "saved_model.pb").read_text() == "graph a"
    assert resolve_model(model) == model
    Registry(root, "digits").push(model, {})
    with pytest.raises(UserError, match="several models: digits, scenes"):
        open_registry(root)
    with pytest.raises(UserError, match="neither a SavedModel nor a registry"):
        resolve_model(str(tmp_path / "nowhere"))


def test_tf_serving_sees_only_whole_versions_on_a_disk(tmp_path):
    root = str(tmp_path / "registry")
    push(root, make_model(tmp_path / "a", "a"))
    folders = {p.name for p in (tmp_path / "registry/scenes").iterdir()}
    assert folders == {"1", ".registry"}


def assert_old_or_new(root: str, old: str, new: str) -> str:
    """The registry serves one of the two models, whole; returns which."""
    serving = Registry(root, "scenes").in_service()
    assert serving.verify() == []
    content = (Path(serving.path) / "saved_model.pb").read_text() if "://" not in root else None
    content = content or serving.storage.read(serving.path + "/saved_model.pb").decode()
    assert content in (f"graph {old}", f"graph {new}")
    for version in Registry(root, "scenes").versions():
        assert version.verify() == []
    return content.removeprefix("graph ")


def test_killed_before_every_single_write_the_registry_serves_old_or_new(
    root, tmp_path, monkeypatch
):
    # Every push finds what the killed one before it announced, and would wait seconds for nobody.
    monkeypatch.setattr(BeamStorage, "wait", lambda self: None)
    old, new = (make_model(tmp_path / name, name) for name in ("old", "new"))
    watched = root if "://" not in root else str(tmp_path / "bucket")
    push(root, old)
    outcomes = []
    for fatal in range(1, 500):
        if run_and_die(lambda new=new: push(root, new), watched, fatal) is None:
            break
        outcomes.append(assert_old_or_new(root, "old", "new"))
        # A model never seen before, and the old one in service: every fault point is met afresh.
        new = make_model(tmp_path / f"new{fatal}", "new")
        (Path(new) / "variables/variables.index").write_text(f"take {fatal}")
        Registry(root, "scenes").promote(1)
    else:
        pytest.fail("the push never got through")
    assert len(outcomes) > 10
    pushed = push(root, new)
    assert not pushed.created
    assert assert_old_or_new(root, "old", "new") == "new"


def test_a_retry_after_every_kill_point_finishes_without_a_duplicate(tmp_path):
    for fatal in range(1, 200):
        root = str(tmp_path / f"registry{fatal}")
        model = make_model(tmp_path / f"m{fatal}", "a")
        killed = run_and_die(lambda root=root, model=model: push(root, model), root, fatal)
        push(root, model)
        assert [v.number for v in Registry(root, "scenes").versions()] == [1]
        assert Registry(root, "scenes").in_service().verify() == []
        if killed is None:
            return
    pytest.fail("the push never got through")


def _push_in_process(root: str, model: str, barrier) -> None:
    barrier.wait()
    Registry(root, "scenes").push(model, record(model))


def concurrently(root: str, models: list[str]) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(models))
    workers = [context.Process(target=_push_in_process, args=(root, m, barrier)) for m in models]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0


def test_pushes_at_once_all_arrive_and_the_newest_serves(root, tmp_path):
    models = [make_model(tmp_path / str(i), str(i)) for i in range(6)]
    concurrently(root, models)
    versions = Registry(root, "scenes").versions()
    assert len(versions) == 6
    assert len({v.info.digest for v in versions}) == 6
    assert all(v.verify() == [] for v in versions)
    assert Registry(root, "scenes").in_service().number == versions[-1].number


def test_the_same_model_pushed_at_once_is_one_version(tmp_path):
    root = str(tmp_path / "registry")
    model = make_model(tmp_path / "m", "a")
    for _ in range(5):
        concurrently(root, [model] * 4)
    assert [v.number for v in Registry(root, "scenes").versions()] == [1]
    assert len(list((tmp_path / "registry/scenes/.registry/staging").iterdir())) == 0
