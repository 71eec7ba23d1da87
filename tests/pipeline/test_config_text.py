"""The commented config and the explanation of keys, both made from the settings themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from pipeline.config import Config, load_config
from pipeline.config_text import commented_yaml, explain
from trainer.errors import UserError
from trainer.settings import Settings


def test_written_config_loads_to_the_defaults(tmp_path: Path):
    values = {"name": "m", "data": {"root": "photos"}}
    file = tmp_path / "m.yaml"
    file.write_text(commented_yaml(values, file="m.yaml"))
    config = load_config(file)
    assert config == Config(
        name="m",
        output=config.output,
        data={"root": str(tmp_path / "photos")},  # type: ignore[arg-type]
    )


def test_uncommented_defaults_are_the_defaults(tmp_path: Path):
    """Every commented-out line is valid: removing all `# ` before keys changes nothing."""
    text = commented_yaml({"name": "m", "data": {"root": "p"}}, file="m.yaml")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("# ")]
    assert yaml.safe_load("\n".join(lines)) == {"name": "m", "data": {"root": "p"}}
    for key in ("epochs: 7", "when: ", "# train:", "probability: 0.5"):
        assert key in text


def _settings(model: type[BaseModel]) -> list[tuple[str, str | None]]:
    found = []
    for name, field in model.model_fields.items():
        found.append((f"{model.__name__}.{name}", field.description))
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            found += _settings(field.annotation)
    return found


def test_every_setting_is_described():
    assert [name for name, text in _settings(Config) if not text] == []
    assert len(_settings(Config)) > 50


def test_explain_a_nested_key():
    text = explain("train.cutmix.probability")
    assert text.startswith("train.cutmix.probability\n")
    assert "default: 0.5" in text
    assert ">= 0, <= 1" in text


def test_explain_a_section_lists_its_keys():
    line = next(line for line in explain("retrain").splitlines() if "keys:" in line)
    assert "when" in line


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("train.epoch", "did you mean `train.epochs`?"),
        ("zzz", "known: name"),
        ("name.x", "known: none"),
    ],
)
def test_explain_an_unknown_key(key: str, hint: str):
    with pytest.raises(UserError) as caught:
        explain(key)
    assert hint in str(caught.value)
