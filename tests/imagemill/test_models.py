from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from components.model_pusher.registry import Registry
from imagemill.models import command
from tests.components.model_pusher.fakes import make_model
from trainer.errors import UserError


def record(accuracy: float, epochs: int) -> dict[str, bytes]:
    values = {
        "metrics.json": {"overall": {"accuracy": accuracy, "ece": 0.1}},
        "config.json": {"train": {"epochs": epochs, "seed": 0}},
        "lineage.json": {"data_version": "d1"},
    }
    return {name: json.dumps(value).encode() for name, value in values.items()} | {
        "model_card.md": f"# card of {accuracy}\n".encode()
    }


@pytest.fixture
def registry(tmp_path):
    registry = Registry(str(tmp_path / "registry"), "scenes")
    for number, accuracy in enumerate((0.8, 0.9, 0.85), start=1):
        model = make_model(tmp_path / f"m{number}", str(number))
        registry.push(model, record(accuracy, epochs=number))
    return registry


def run(*args: str) -> str:
    result = CliRunner().invoke(command, list(args), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_list_marks_the_version_in_service(registry):
    lines = [line for line in run("list", registry.path).splitlines() if "in service" in line]
    assert len(lines) == 1
    assert lines[0].split()[2] == "3"
    assert "0.85" in lines[0]
    facts = json.loads(run("list", registry.root, "--json"))
    assert facts["in_service"] == 3
    assert [row["metrics"]["accuracy"] for row in facts["versions"]] == [0.8, 0.9, 0.85]


def test_show_prints_the_card_and_verifies(registry):
    assert "# card of 0.85" in run("show", registry.path)
    assert "# card of 0.9" in run("show", registry.path, "2")
    assert "All 8 files are as they were pushed." in run("show", registry.path, "1", "--verify")


def test_show_verify_names_a_damaged_file(registry, tmp_path):
    (tmp_path / "registry/scenes/1/saved_model.pb").write_text("rot")
    with pytest.raises(UserError, match=r"version 1 is damaged: saved_model.pb"):
        run("show", registry.path, "1", "--verify")


def test_diff_shows_only_what_differs(registry):
    changes = json.loads(run("diff", registry.path, "1", "2", "--json"))
    assert changes == {
        "metrics": {"accuracy": [0.8, 0.9]},
        "settings": {"train.epochs": [1, 2]},
        "data": {},
        "lineage": {},
    }
    assert "  accuracy: 0.8 -> 0.9" in run("diff", registry.path, "1", "2")
    assert "do not differ" in run("diff", registry.path, "2", "2")


def test_promote_and_rollback_move_the_pointer_and_history_tells(registry):
    assert "Version 1 is in service" in run("promote", registry.path, "1", "--reason", "trial")
    assert registry.in_service().number == 1
    assert "Version 3 is in service" in run("rollback", registry.path)
    reasons = [move["reason"] for move in json.loads(run("history", registry.path, "--json"))]
    assert reasons == ["pushed", "pushed", "pushed", "trial", "rolled back by hand"]


def test_prune_asks_and_spares(registry):
    refused = CliRunner().invoke(command, ["prune", registry.path, "--keep", "0"], input="n\n")
    assert refused.exit_code == 1
    assert len(registry.versions()) == 3
    assert "Deleted versions 1." in run("prune", registry.path, "--keep", "0", "--yes")
    assert "Nothing to delete." in run("prune", registry.path, "--keep", "0", "--yes")
    assert [version.number for version in registry.versions()] == [2, 3]


def test_a_folder_without_models_is_an_error(tmp_path):
    with pytest.raises(UserError, match="there is no model under"):
        run("list", str(tmp_path))
