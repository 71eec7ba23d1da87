"""The config: what is accepted, what is refused and how the refusal reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config, load_config, make_config, merge, name_from_path
from trainer.errors import ExitCode, UserError


def _make(**values: object) -> Config:
    return make_config({"name": "m", "data": {"root": "photos"}, **values}, source="a test")


def _refusal(**values: object) -> UserError:
    with pytest.raises(UserError) as caught:
        _make(**values)
    assert caught.value.code is ExitCode.USAGE
    return caught.value


def test_unknown_key_names_the_nearest():
    assert "unknown key `train.epoch`; did you mean `epochs`?" in str(_refusal(train={"epoch": 3}))


def test_unknown_key_without_a_near_one_lists_the_section():
    message = str(_refusal(retrain={"zzz": 1}))
    assert "unknown key `retrain.zzz`; known here: " in message
    assert " when" in message.partition("known here:")[2]


def test_wrong_type_says_the_value_received():
    message = str(_refusal(train={"epochs": "many"}))
    assert "`train.epochs`" in message
    assert "received 'many'" in message


def test_all_wrong_keys_are_reported_at_once():
    message = str(_refusal(train={"epochs": -1, "alpha": 3.0}))
    assert "2 settings are wrong" in message
    assert "train.epochs" in message
    assert "train.alpha" in message


@pytest.mark.parametrize("name", ["Upper", "under_score", "dot.ted", "-edge", "", "x" * 64])
def test_a_name_that_kubeflow_would_refuse_is_refused(name: str):
    assert "`name`" in str(_refusal(name=name))


def test_config_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        _make().name = "other"  # type: ignore[misc]


def test_stored_size_is_a_margin_over_the_training_resize():
    config = _make(train={"image_size": 64, "resize_size": 80})
    assert config.ingest.stored_size == 100
    assert _make(data={"root": "p", "stored_size": 300}).ingest.stored_size == 300


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/My Photos/", "my-photos"),
        ("gs://bucket/Flowers_2024", "flowers-2024"),
        ("/", "model"),
        ("/data/Ünï", "n"),
    ],
)
def test_name_from_path(path: str, name: str):
    assert name_from_path(path) == name
    assert _make(name=name_from_path(path)).name == name


def test_merge_goes_section_by_section():
    assert merge({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": 3}, "c": {}}) == {
        "a": {"x": 1, "y": 3},
        "b": 1,
        "c": {},
    }


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path):
    file = tmp_path / "c.yaml"
    file.write_text(
        "name: m\ndata: {root: photos}\noutput: out\nregistry: gs://b/r\n"
        "train: {weights: w.weights.h5}\n"
    )
    config = load_config(file)
    assert config.data.root == str(tmp_path / "photos")
    assert config.output == str(tmp_path / "out")
    assert config.registry_root == "gs://b/r"
    assert config.train.weights == str(tmp_path / "w.weights.h5")


def test_flags_win_over_the_file_and_stay_relative_to_the_caller(tmp_path: Path):
    file = tmp_path / "c.yaml"
    file.write_text("name: m\ndata: {root: photos}\ntrain: {epochs: 3, weights: none}\n")
    config = load_config(file, {"train": {"epochs": 5}, "output": "here"})
    assert (config.train.epochs, config.train.weights, config.output) == (5, "none", "here")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: [", "is not valid YAML"),
        ("- a", "holds list, not a mapping"),
        ("", "holds NoneType"),
        ("name: m", "the key `data` is missing"),
    ],
)
def test_a_bad_file_is_explained(tmp_path: Path, text: str, part: str):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=r"c\.yaml") as caught:
        load_config(file)
    assert part in str(caught.value)


def test_a_missing_or_binary_file_is_explained(tmp_path: Path):
    with pytest.raises(UserError, match="No such file"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not UTF-8"):
        load_config(tmp_path / "b.yaml")


def test_native_code_never_meets_beams_threads():
    for mode, workers in (("in_memory", 1), ("multi_processing", 3)):
        beam = _make(beam={"workers": 3, "mode": mode}).beam
        for node_id in ("statistics-gen", "model-evaluator"):
            assert beam.step_args(node_id)[1:3] == [
                f"--direct_running_mode={mode}",
                f"--direct_num_workers={workers}",
            ]


def test_beam_arguments():
    assert _make(beam={"workers": 3}).beam.step_args("image-example-gen") == [
        "--runner=FnApiRunner",
        "--direct_running_mode=multi_threading",
        "--direct_num_workers=3",
        "--sdk_container_image=unused",
    ]
    flink = _make(beam={"runner": "FlinkRunner", "args": ["--flink_master=h:1"]})
    assert flink.beam.step_args("statistics-gen") == ["--runner=FlinkRunner", "--flink_master=h:1"]
