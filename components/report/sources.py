"""Where the facts of a run lie, and how to read them: JSON files and the records of examples.

sources.evaluation().overall["accuracy"]
images = read_images(sources.uris["examples"], {"sea/1.jpg"})
"""

from __future__ import annotations

import dataclasses
import json
import posixpath
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from components.data_gate.findings import FINDINGS_FILE, GateReport
from components.model_evaluator.result import METRICS_FILE, EvaluationResult
from components.model_pusher.storage import open_any, walk
from trainer.features import DATASET_FILE, IMAGE, PATH, SPLITS, DatasetInfo

HISTORY_FILE = "history.json"
_BATCH = 256


@dataclasses.dataclass(frozen=True)
class Sources:
    """A run's artifacts.

    Attributes:
      name: the model's name.
      uris: folder of each artifact by input name.
      model: the exported SavedModel.
      version: registry version, or "".
      pushed: whether it was pushed.
      push_reason: what the pusher said.
      run_config: every setting of the run.
      lineage: fingerprints and ids.
    """

    name: str
    uris: Mapping[str, str]
    model: str
    version: str
    pushed: bool
    push_reason: str
    run_config: Mapping[str, Any]
    lineage: Mapping[str, str]

    def dataset(self) -> DatasetInfo:
        """What the examples hold."""
        return read_dataset(self.uris["examples"])

    def evaluation(self) -> EvaluationResult:
        """What the evaluation found."""
        return EvaluationResult.model_validate_json(self._text("evaluation", METRICS_FILE))

    def findings(self) -> GateReport:
        """What the data gate found."""
        return GateReport.model_validate_json(self._text("anomalies", FINDINGS_FILE))

    def training(self) -> dict[str, Any]:
        """What the trainer tells of itself: `epochs`, `start` and others; empty where it wrote no history."""
        try:
            told: dict[str, Any] = json.loads(self._text("model_run", HISTORY_FILE))
        except FileNotFoundError:
            return {}
        return told

    def predictions(self) -> Iterator[dict[str, Any]]:
        """The evaluation's answers: path, label, answer, probability, label_probability."""
        folder = self.uris["evaluation"]
        for name in walk(folder):
            if posixpath.basename(name).startswith("predictions"):
                with open_any(posixpath.join(folder, name)) as file:
                    yield from (json.loads(line) for line in file)

    def _text(self, key: str, name: str) -> str:
        with open_any(posixpath.join(self.uris[key], name)) as file:
            return str(file.read().decode())


def read_dataset(examples_uri: str) -> DatasetInfo:
    """What an Examples artifact holds."""
    with open_any(posixpath.join(examples_uri, DATASET_FILE)) as file:
        return DatasetInfo.model_validate_json(file.read())


def records(examples_uri: str, split: str) -> Any:
    """Serialized examples of a split as a tf.data.Dataset; empty where the split is."""
    import tensorflow as tf

    files = sorted(tf.io.gfile.glob(posixpath.join(examples_uri, f"Split-{split}", "*")))
    return tf.data.TFRecordDataset(files, compression_type="GZIP")


def read_images(examples_uri: str, wanted: Collection[str]) -> dict[str, bytes]:
    """Encoded images by path, of those wanted, in one pass over the examples."""
    import tensorflow as tf

    left, found = set(wanted), {}
    spec = {name: tf.io.FixedLenFeature([], tf.string, "") for name in (PATH, IMAGE)}
    for split in SPLITS:
        if not left:
            break
        parsed = (
            records(examples_uri, split)
            .batch(_BATCH)
            .map(lambda batch: tf.io.parse_example(batch, spec))
        )
        for batch in parsed.prefetch(1).as_numpy_iterator():
            for row, raw in enumerate(batch[PATH]):
                path = raw.decode("utf-8", "replace")
                if path in left:
                    left.discard(path)
                    found[path] = batch[IMAGE][row]
    return found
