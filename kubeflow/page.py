"""A page that KFP's UI shows under a step: an output artifact of type `system.HTML` that TFX knows nothing of.

    Page("report", "report", "report.html", "page")    # step, its output, file in it, the new output

KFP shows an artifact of that type when its URI is one HTML file. TFX's artifacts are folders. So the compiled step gets
one more output, and the entrypoint copies the file there (`--page page=report/report.html`) when the executor is done.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubeflow.executor_input import TaskArtifact

HTML = {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
      node_id: the step.
      output: its output artifact, a folder.
      file: the page in that folder.
      name: the output artifact that the UI shows; none of the component's own.
    """

    node_id: str
    output: str
    file: str
    name: str

    @property
    def rule(self) -> str:
        """The entrypoint's argument for it."""
        return f"{self.name}={self.output}/{self.file}"


def names(rules: Sequence[str]) -> frozenset[str]:
    """Outputs that are pages."""
    return frozenset(rule.partition("=")[0] for rule in rules)


def copy_pages(
    rules: Sequence[str],
    pages: Mapping[str, Sequence[TaskArtifact]],
    outputs: Mapping[str, Sequence[TaskArtifact]],
) -> None:
    """Copies each page to where KFP's launcher uploads it from; a page that was not made is left out.

    Args:
      rules: `name=output/file`.
      pages: the task's outputs that are pages.
      outputs: those that the executor wrote.
    """
    for rule in rules:
        name, _, source = rule.partition("=")
        output, _, file = source.partition("/")
        made = Path(outputs[output][0].path) / file if outputs.get(output) else None
        if made is None or not made.is_file() or not pages.get(name):
            continue
        target = Path(pages[name][0].path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, target)
