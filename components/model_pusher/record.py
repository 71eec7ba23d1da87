"""What is kept beside a pushed model, gathered from the artifacts of its run.

    record = make_record(RunFacts(...))
    registry.push(model, record)

| file | what |
|---|---|
| labels.txt | class names, one a line, in the order of the model's outputs |
| config.json | every setting of the run |
| metrics.json | what the evaluation found, and each rule's verdict |
| dataset.json | what the examples hold |
| schema.pbtxt, statistics/Split-*/FeatureStats.pb | the data, for the gates of later runs |
| lineage.json | fingerprints of data, config and code, and ids of the artifacts |
| model_card.md | all of it for a person, with the front matter of Hugging Face's hub |
| model_card.html | the same as a page |
"""

from __future__ import annotations

import dataclasses
import json
import posixpath
from collections.abc import Mapping

from components.model_pusher.card.content import make_card
from components.model_pusher.card.front_matter import front_matter
from components.model_pusher.card.markdown import as_markdown
from components.model_pusher.card.page import as_html
from components.model_pusher.storage import open_any, walk
from trainer.features import DATASET_FILE

METRICS_FILE = "metrics.json"
SCHEMA_FILE = "schema.pbtxt"
LINEAGE_FILE = "lineage.json"
STATISTICS_FILE = "FeatureStats.pb"


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """Where the facts lie.

    Attributes:
      examples, evaluation, statistics, schema: folders of the artifacts; "" for one that the run
        has not.
      run_config: every setting of the run, JSON.
      lineage: fingerprints and ids by name.
    """

    examples: str
    evaluation: str
    statistics: str
    schema: str
    run_config: str
    lineage: Mapping[str, str]


def make_record(facts: RunFacts) -> dict[str, bytes]:
    """Content of the record's files by name."""
    record = {"config.json": facts.run_config.encode()}
    record |= _copies(facts.examples, (DATASET_FILE,))
    record |= _copies(facts.evaluation, (METRICS_FILE,))
    record |= _copies(facts.schema, (SCHEMA_FILE,))
    record |= {f"statistics/{name}": data for name, data in _statistics(facts.statistics).items()}
    dataset = json.loads(record.get(DATASET_FILE, b"{}"))
    lineage = {"data_version": dataset.get("data_version", ""), **facts.lineage}
    record[LINEAGE_FILE] = json.dumps(lineage, indent=2, sort_keys=True).encode()
    record["labels.txt"] = "".join(f"{name}\n" for name in dataset.get("class_names", ())).encode()
    metrics = json.loads(record.get(METRICS_FILE, b"{}"))
    config = json.loads(facts.run_config or "{}")
    card = make_card(config, dataset, metrics, lineage)
    record["model_card.md"] = as_markdown(card, front_matter(config, dataset, metrics)).encode()
    record["model_card.html"] = as_html(card).encode()
    return record


def _copies(folder: str, names: tuple[str, ...]) -> dict[str, bytes]:
    present = set(walk(folder)) if folder else set()
    return {name: _read(posixpath.join(folder, name)) for name in names if name in present}


def _statistics(folder: str) -> dict[str, bytes]:
    names = walk(folder) if folder else ()
    return {n: _read(posixpath.join(folder, n)) for n in names if n.endswith(STATISTICS_FILE)}


def _read(path: str) -> bytes:
    with open_any(path) as file:
        return file.read()
