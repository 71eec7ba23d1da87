"""Documents as YAML text that KFP's parser reads as ours does.

    dump({"constant": "123456789e12"}, {"platforms": {}})

PyYAML writes YAML 1.1, KFP reads YAML 1.2 (go-yaml v3). What the one takes for plain text can be a number to the other:
a digest such as `123456789e12` came out unquoted and arrived as a number, which KFP refuses for a STRING parameter. So
every text that a reader could take for anything else is quoted. No aliases either: equal parts are repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

_STARTS_LIKE_A_NUMBER = re.compile(r"[-+.0-9]")


class _Dumper(yaml.SafeDumper):
    """Safe, without aliases, with doubtful text in quotes."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (PyYAML's name)
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _STARTS_LIKE_A_NUMBER.match(text) and "\n" not in text else None
    if not text.replace("\n", "").isprintable():
        style = '"'  # there alone are such characters written as escapes
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(*documents: Mapping[str, Any]) -> str:
    """All documents as one text, keys sorted."""
    return "---\n".join(
        yaml.dump(dict(document), Dumper=_Dumper, sort_keys=True, width=1000, allow_unicode=True)
        for document in documents
    )
