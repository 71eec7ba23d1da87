"""The model card: metadata that Hugging Face's hub reads, the toolkit's sections, and text that cannot break out."""

from __future__ import annotations

import re

import pytest
import yaml

from components.model_pusher.card.analysis import slice_table, wilson
from components.model_pusher.card.content import UNSAID, make_card
from components.model_pusher.card.front_matter import front_matter
from components.model_pusher.card.markdown import as_markdown
from components.model_pusher.card.page import as_html
from pipeline.config import make_config
from tests.components.report.tiny_run import evaluation
from trainer.errors import UserError

# The parameters of huggingface_hub.ModelCardData (1.0 to 2.4); `model-index` is what it writes for `eval_results`.
KNOWN_TO_THE_HUB = {
    *("base_model", "datasets", "language", "library_name", "license", "license_name"),
    *("license_link", "metrics", "model_name", "model-index", "pipeline_tag", "tags"),
}
# The headings of model-card-toolkit's proto: model_details, model_parameters, quantitative_analysis, considerations.
OF_THE_TOOLKIT = (
    *("Model details", "Owners", "Licence", "Version", "Model parameters", "Architecture"),
    *("Input and output", "Data", "Quantitative analysis", "By slice", "Considerations"),
    *("Intended users", "Use cases", "Limitations", "Tradeoffs", "Ethical considerations"),
)
OWNER = {
    "license": "apache-2.0",
    "owners": ["Vision team <vision@example.org>"],
    "intended_use": ["Sorting an archive | by colour"],
    "limitations": ["<script>alert('x')</script>"],
    "ethical_considerations": {"Shows people": "faces are blurred"},
    "datasets": ["org/colours"],
    "languages": ["en"],
    "tags": ["colours"],
}


def facts(card: dict) -> tuple[dict, dict, dict, dict]:
    config = make_config({"name": "colours", "data": {"root": "photos"}, "card": card}, source="")
    dataset = {
        "class_names": ["blue", "green", "red"],
        "counts": {"train": {"blue": 12, "green": 12, "red": 12}},
        "data_version": "d-1",
    }
    return config.model_dump(mode="json"), dataset, evaluation().model_dump(mode="json"), {"a": "7"}


def text_of(card: dict) -> str:
    config, dataset, metrics, lineage = facts(card)
    return as_markdown(
        make_card(config, dataset, metrics, lineage), front_matter(config, dataset, metrics)
    )


def matter_of(text: str) -> dict:
    _, matter, _ = text.split("---\n", 2)
    return yaml.safe_load(matter)


def test_the_front_matter_is_what_the_hub_knows():
    matter = matter_of(text_of(OWNER))
    assert set(matter) <= KNOWN_TO_THE_HUB
    assert matter["license"] == "apache-2.0"
    assert matter["pipeline_tag"] == "image-classification"
    assert matter["datasets"] == ["org/colours"]
    assert matter["metrics"] == ["accuracy", "log_loss"]
    assert {"imagemill", "colours"} <= set(matter["tags"])


def test_the_model_index_has_a_result_for_the_split_and_for_each_slice():
    [model] = matter_of(text_of(OWNER))["model-index"]
    whole, dark = model["results"]
    assert whole["task"]["type"] == "image-classification"
    assert whole["dataset"] == {
        "type": "org/colours",
        "name": "colours",
        "split": "test",
        "revision": "d-1",
    }
    assert whole["metrics"][0] == {"type": "accuracy", "name": "Accuracy", "value": 0.75}
    assert dark["dataset"]["name"] == "colours, brightness dark"
    assert dark["metrics"][0]["value"] == 0.5


def test_nothing_empty_is_in_the_front_matter():
    matter = matter_of(text_of({}))
    assert not {"license", "datasets", "language", "base_model"} & set(matter)
    assert all(matter.values())


@pytest.mark.parametrize("card", [{}, OWNER])
def test_every_section_of_the_toolkit_is_there(card):
    headings = re.findall(r"^#{2,3} (.+)$", text_of(card), re.MULTILINE)
    assert [title for title in OF_THE_TOOLKIT if title not in headings] == []


def test_the_owners_words_are_in_it_and_what_is_unsaid_is_said():
    assert text_of({}).count(UNSAID) == 8
    text = text_of(OWNER)
    for words in ("Vision team", "Sorting an archive", "Shows people: faces are blurred"):
        assert words in text
    assert text.count(UNSAID) == 4


def test_the_page_escapes_and_loads_nothing():
    config, dataset, metrics, lineage = facts(OWNER)
    html = as_html(make_card(config, dataset, metrics, lineage))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert not re.search(r"(src|href)=", html)
    assert html.count("<h1>") == 1


def test_intervals_are_wilsons():
    # 0.5 of 12: 0.254 to 0.746 (Wilson 1927, z 1.96)
    assert wilson(0.5, 12) == pytest.approx((0.2538, 0.7462), abs=1e-4)
    assert wilson(1.0, 10)[1] == 1.0
    _, rows = slice_table(evaluation().model_dump())
    assert rows == [("brightness: dark", "12", "0.5", "0.254 to 0.746", "0.9")]


def test_an_unknown_key_of_the_card_is_refused():
    with pytest.raises(UserError, match="licence"):
        facts({"licence": "mit"})
