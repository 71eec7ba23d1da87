"""A mistyped class in the config is answered with the nearest, before anything runs."""

from __future__ import annotations

import pytest

from pipeline.class_names import refuse_unknown_classes
from pipeline.config import Config, make_config
from trainer.errors import UserError

CLASSES = ("buildings", "forest", "sea")


def config(**floors: float) -> Config:
    values = {"name": "scenes", "data": {"root": "photos"}, "evaluate": {"class_floors": floors}}
    return make_config(values, source="a test")


def test_a_known_class_is_fine():
    refuse_unknown_classes(config(forest=0.02), CLASSES)


@pytest.mark.parametrize(
    ("typed", "told"),
    [("forrest", "did you mean 'forest'\\?"), ("zebra", "classes: buildings, forest, sea")],
)
def test_a_mistyped_class_is_answered_with_the_nearest(typed, told):
    with pytest.raises(UserError, match=told):
        refuse_unknown_classes(config(**{typed: 0.02}), CLASSES)
