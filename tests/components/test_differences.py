from __future__ import annotations

from components.differences import changes, flat


def test_nested_settings_become_dotted_keys():
    assert flat({"train": {"epochs": 7, "head": {"l2": [1, 2]}}, "seed": 0}) == {
        "train.epochs": 7,
        "train.head.l2": [1, 2],
        "seed": 0,
    }


def test_a_key_on_one_side_only_and_a_value_that_became_none_both_count():
    old, new = {"same": 1, "gone": 2, "none": 3}, {"same": 1, "none": None, "new": 4}
    assert changes(old, new) == {"gone": (2, None), "none": (3, None), "new": (None, 4)}
