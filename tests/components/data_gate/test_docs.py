"""The page says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from components.data_gate.config import Policies
from components.data_gate.kinds import KINDS

_PAGE = Path(__file__).parents[3] / "docs" / "data-gate.md"


def test_every_kind_is_documented_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \|.*\| (0|5%|-) \| .* \|$", _PAGE.read_text(), re.MULTILINE)
    defaults = {0: "0", 0.05: "5%", None: "-"}
    assert rows == [(kind, defaults[getattr(Policies(), kind).error]) for kind in KINDS]
