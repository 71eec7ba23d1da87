"""The report of a small run: everything planted is in it, nothing leaves the page, and it stays small."""

from __future__ import annotations

import html.parser
import json
import re

import pytest

from components.report.compose import compose
from components.report.config import ReportConfig
from components.report.content import Report
from components.report.page import _of, matrix, render
from tests.components.report.tiny_run import MISFILED, NASTY, make_sources


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return make_sources(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def content(sources):
    return compose(sources, ReportConfig())


@pytest.fixture(scope="module")
def page(content):
    return render(content, ReportConfig())


def test_the_misfiled_image_leads_the_list_of_label_errors(content):
    assert content.labels.scored == content.labels.total == 72
    first = content.labels.suspects[0]
    assert (first.path, first.label, first.suggested) == (MISFILED, "blue", "red")
    assert first.picture.src.startswith("data:image/jpeg;base64,")


def test_the_worst_answers_have_photos_and_heat_maps(content):
    assert [one.label for one in content.losses[:2]] == ["green", "blue"]
    assert content.losses[0].picture.src
    assert content.losses[0].heat.src
    assert content.notes == ()


def test_what_training_saw_has_labels_that_add_up(content):
    assert len(content.augmentation) == ReportConfig().augmented
    for one in content.augmentation:
        assert one.after.src
        assert sum(one.labels.values()) == pytest.approx(1, abs=0.01)
    assert any(len(one.labels) > 1 for one in content.augmentation), "CutMix mixed nothing"


def test_what_was_settled_in_training_is_told(content, page):
    assert content.training == {
        "began": "from version 2 in service",
        "computed in": "float32: 3 steps are too few",
        "found by search": "learning_rate 0.000321",
        "temperature": "1.5, by which logits are divided for honest confidence",
    }
    assert "<td>from version 2 in service</td>" in page


def test_what_the_gate_could_not_look_for_is_told(page):
    assert "the embedding was not compared." in page.partition('id="findings"')[2]


def test_the_page_loads_nothing_and_runs_no_foreign_script(page):
    tags = _tags(page)
    for tag, attributes in tags:
        for name in ("src", "href"):
            value = attributes.get(name, "data:")
            assert value.startswith(("data:", "#")), (tag, value)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", page)
    assert sum(tag == "script" for tag, _ in tags) == 1
    assert NASTY not in page
    assert "&lt;script&gt;alert" in page


def test_links_inside_the_page_lead_somewhere(page):
    tags = _tags(page)
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in tags:
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids


def test_every_picture_says_what_it_is(page):
    pictures = [attributes for tag, attributes in _tags(page) if tag == "img"]
    assert len(pictures) > 20
    assert all(picture.get("alt") for picture in pictures)


def test_the_verdict_comes_first_and_findings_are_told(page):
    text = re.sub(r"<[^>]+>", " ", page.partition("<main")[2])
    assert text.index("Blessed and pushed: version 3 is in service") < text.index("Rules")
    for told in ("near duplicate in two splits", "blue", "Against version 2", "imagemill run"):
        assert told in text


def test_drift_is_told_also_where_there_is_none(content, page):
    assert "Drift against version 2, in service" in page
    assert "are within <code>gate.drift</code>" in page
    found = content.findings[0]
    drift = found.finding.model_copy(update={"kind": "feature_drift", "unit": "features"})
    drifted = content.model_copy(
        update={"findings": (found.model_copy(update={"finding": drift}),)}
    )
    told = render(drifted, ReportConfig()).partition("Drift against version 2")[2]
    assert "1 feature: features drifted from the data" in told.partition("A few photos")[0]


def test_a_refused_model_has_its_report_and_the_reason(tmp_path):
    config = ReportConfig(scored=0, heatmaps=0)
    content = compose(make_sources(tmp_path, blessed=False), config)
    assert not content.verdict.blessed
    assert content.verdict.reasons == (
        "accuracy: share of 24 test images answered rightly (value 0.75, limit 0.9); add photos",
    )
    page = render(content, config)
    assert "Refused: 1 rule failed, so nothing was pushed." in page
    assert "Not searched for" in page


def test_pictures_stop_where_room_ends_and_the_page_says_so(sources):
    config = ReportConfig(max_bytes=200_000, samples_per_class=0, scored=0, heatmaps=0)
    full = compose(sources, config)
    assert full.notes == ()
    tight = compose(sources, config.model_copy(update={"max_bytes": 2_000}))
    assert "thumbnails (report.max_bytes)" in tight.notes[0]
    assert tight.findings[0].pictures, "what a reader acts on has its pictures first"
    assert "left out of this report" in render(tight, config)


def test_the_json_is_the_report_without_pixels(content):
    text = content.model_dump_json()
    assert "base64" not in text
    again = Report.model_validate_json(text)
    assert again.evaluation == content.evaluation
    assert json.loads(text)["labels"]["suspects"][0]["path"] == MISFILED


def test_of_many_classes_the_matrix_keeps_those_with_most_errors(content):
    shown = matrix(content, 2)
    assert shown.names == ("blue", "red")
    assert shown.left_out == 1
    assert [[count for count, _ in row] for row in shown.rows] == [[4, 4], [0, 7]]
    assert shown.rows[1][0] == (0, 0)


def _tags(page: str) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append((tag, {name: value or "" for name, value in attrs}))

    Reader().feed(page)
    return found


@pytest.mark.parametrize(
    ("count", "unit", "told"),
    [
        (1, "images outside train", "1 image outside train"),
        (1, "classes", "1 class"),
        (1200, "features", "1,200 features"),
        (1, "files", "1 file"),
    ],
)
def test_one_is_told_in_the_singular(count, unit, told):
    assert _of(count, unit) == told
