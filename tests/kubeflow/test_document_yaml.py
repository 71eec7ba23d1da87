"""The YAML text: what another reader would take for a number, a date or a boolean is in quotes."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.document_yaml import dump


def test_text_that_looks_like_a_number_is_quoted():
    digests = ["123456789e12", "0o17", "0x1f", "1_000", ".5", "-1", "+1", "2026-11-23", "1.0"]
    text = dump({digest: digest for digest in digests})
    for digest in digests:
        assert f"'{digest}': '{digest}'" in text


def test_words_that_mean_something_are_quoted():
    assert dump({"x": ["true", "null", "~", "yes"]}) == "x:\n- 'true'\n- 'null'\n- '~'\n- 'yes'\n"


def test_equal_parts_are_repeated_not_referred_to():
    shared = {"a": "b"}
    assert dump({"one": shared, "two": shared}) == "one:\n  a: b\ntwo:\n  a: b\n"


_VALUES = st.recursive(
    st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), _VALUES), st.dictionaries(st.text(), _VALUES))
def test_documents_are_read_back_as_they_were(first, second):
    assert list(yaml.safe_load_all(dump(first, second))) == [first, second]
