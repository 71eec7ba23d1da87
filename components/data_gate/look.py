"""All that can be found in the images themselves, from the table of rows: no TFX, no statistics files.

    raws = look(table, class_names, dead_letters, config)

`imagemill check` and the component both call it, so they find the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from components.data_gate.classes import class_findings
from components.data_gate.config import GateConfig
from components.data_gate.dead_letters import dead_letter_findings
from components.data_gate.duplicates import duplicate_findings, exact_groups, near_groups
from components.data_gate.findings import Raw
from components.data_gate.image_table import ImageTable
from components.data_gate.quality import quality_findings
from components.image_example_gen.dead_letter import DeadLetter


def look(
    table: ImageTable,
    class_names: Sequence[str],
    letters: Sequence[DeadLetter],
    config: GateConfig,
    served_classes: Sequence[str] | None = None,
) -> list[Raw]:
    """Findings about duplicates, labels, leakage, class sizes, unreadable files and image quality."""
    return [
        *duplicate_findings(table, exact_groups(table), near_groups(table)),
        *dead_letter_findings(letters, len(table) + len(letters)),
        *class_findings(table.counts(), class_names, config, served_classes),
        *quality_findings(table, config.quality),
    ]
