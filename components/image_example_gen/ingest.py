"""The ingest without TFX: a listing in, records, dead letters and facts about the dataset out.

    report = Ingest(listing, config, data_version, make_pipeline).run(output, dead_letters, registry="", name="")

Two Beam passes: the first decodes every file once and stages its record, the second copies records into shards.
Between them the driver deals images out to splits knowing only hashes, so what it holds in memory is some hundred
bytes an image.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import posixpath
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Literal

import apache_beam as beam

from components.image_example_gen import paths, staging
from components.image_example_gen.assign import TEST, Assignment, Seen, assign
from components.image_example_gen.config import IngestConfig
from components.image_example_gen.dead_letter import DEAD_LETTERS_FILE, DeadLetter
from components.image_example_gen.ledger import load_ledger, save_ledger
from components.image_example_gen.listing import Listing
from components.image_example_gen.shards import Span, order_key, plan_shards
from components.image_example_gen.steps import PrepareBlocks, WriteShards, block_path
from components.image_example_gen.watch import progress_of_blocks
from trainer.errors import ExitCode, UserError
from trainer.features import DATASET_FILE, SPLITS, DatasetInfo

REPORT_FILE = "ingest.json"
# Fewer would leave some of a handful of workers idle at the end.
_LEAST_BLOCKS = 16
_COLUMN_TYPES: dict[type, Literal["int", "float", "text"]] = {
    int: "int",
    float: "float",
    str: "text",
}
_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of every file of a listing; `letters` and `examples` together are the files found.

    Attributes:
      examples: position of each readable file in the listing.
      seen: what splitting needs of it.
      spans: where its record is staged.
      letters: files that became no example, sorted by path.
    """

    examples: list[int]
    seen: list[Seen]
    spans: list[Span]
    letters: list[DeadLetter]


@dataclasses.dataclass(frozen=True)
class Ingest:
    """One ingest.

    Attributes:
      listing: what to read.
      config: how.
      data_version: fingerprint of the listing.
      make_pipeline: makes a Beam pipeline, to be used as a context.
    """

    listing: Listing
    config: IngestConfig
    data_version: str
    make_pipeline: Callable[[], beam.Pipeline]

    def run(self, output: str, dead_letters: str, *, registry: str, name: str) -> DatasetInfo:
        """Writes `Split-*/`, `dataset.json` and, into the other folder, the dead letters and a report.

        Args:
          output: folder of the examples.
          dead_letters: folder of what was left out.
          registry: folder that remembers splits, under `name`; "" for none.
          name: of the model.

        Raises:
          UserError: too many files are corrupt, or a class or a split would be empty.
        """
        for leftover in staging.sweep(output):
            _LOGGER.info("removed what a killed run left in %s", leftover)
            # Its dead letters lie under the same execution number.
            paths.delete_tree(
                paths.join(posixpath.dirname(dead_letters), posixpath.basename(leftover))
            )
        with staging.staging_folder(output) as folder:
            outcome = self._prepare(folder)
            _write_letters(dead_letters, outcome.letters)
            self._refuse_corrupt(outcome)
            ledger = load_ledger(registry, name, self.config)
            assignment = assign(outcome.seen, ledger, self.config, stratify=bool(registry))
            info = self._info(outcome, assignment)
            self._refuse_gaps(info)
            self._write(folder, output, outcome, assignment)
            if registry:
                save_ledger(registry, name, assignment.ledger)
            self._report(dead_letters, outcome, assignment, info)
            paths.write_whole(
                paths.join(output, DATASET_FILE), info.model_dump_json(indent=2).encode()
            )
        return info

    def _prepare(self, folder: str) -> Outcome:
        files = self.listing.files
        order = sorted(range(len(files)), key=lambda at: order_key(files[at].name))
        size = min(self.config.block_size, max(1, len(files) // _LEAST_BLOCKS))
        blocks = [order[start : start + size] for start in range(0, len(order), size)]
        labels = {name: label for label, name in enumerate(self.listing.class_names)}
        for number, block in enumerate(blocks):
            staging.write_lines(
                block_path(folder, number, "todo"), [self._task(at, labels) for at in block]
            )
        with progress_of_blocks(folder, len(files), size), self.make_pipeline() as pipeline:
            _ = (
                pipeline
                | "Blocks" >> beam.Create(list(range(len(blocks))), reshuffle=False)
                | "Prepare" >> PrepareBlocks(folder, self.config)
            )
        return self._collect(folder, len(blocks))

    def _task(self, at: int, labels: dict[str, int]) -> dict[str, Any]:
        file = self.listing.files[at]
        return {
            "at": at,
            "path": file.path,
            "name": file.name,
            "size": file.size,
            "class_name": file.class_name,
            "label": labels[file.class_name],
            "columns": dict(file.columns),
        }

    def _collect(self, folder: str, blocks: int) -> Outcome:
        """Reads what the workers noted of each file, and checks that every file is accounted for."""
        outcome = Outcome([], [], [], list(self.listing.rejected))
        for number in range(blocks):
            for entry in staging.read_lines(block_path(folder, number, "index")):
                self._note(outcome, number, entry)
        outcome.letters.sort(key=lambda letter: letter.path)
        accounted = len(outcome.examples) + len(outcome.letters)
        if accounted != self.listing.found or len(set(outcome.examples)) != len(outcome.examples):
            raise RuntimeError(
                f"{self.listing.found} files were found, but {len(outcome.examples)} examples and "
                f"{len(outcome.letters)} dead letters came of them"
            )
        return outcome

    def _note(self, outcome: Outcome, block: int, entry: dict[str, Any]) -> None:
        file = self.listing.files[entry["at"]]
        if "reason" in entry:
            letter = DeadLetter(
                file.name, entry["reason"], entry["detail"], file.class_name, file.size
            )
            outcome.letters.append(letter)
            return
        thumbnail = bytes.fromhex(entry["thumbnail"])
        outcome.examples.append(entry["at"])
        outcome.seen.append(
            Seen(entry["sha256"], entry["phash"], thumbnail, file.class_name, file.split)
        )
        outcome.spans.append(Span(block, entry["offset"], entry["length"]))

    def _refuse_corrupt(self, outcome: Outcome) -> None:
        corrupt = [letter for letter in outcome.letters if letter.is_corrupt]
        share = len(corrupt) / self.listing.found
        if share > self.config.max_corrupt_share:
            raise UserError(
                f"{len(corrupt)} of {self.listing.found} files ({share:.1%}) cannot be used, more than "
                f"the {self.config.max_corrupt_share:.1%} that `data.max_corrupt_share` allows: {_sample(corrupt)}",
                fix="repair or remove these files, or raise the limit",
                code=ExitCode.DATA_REFUSED,
            )

    def _refuse_gaps(self, info: DatasetInfo) -> None:
        per_class = Counter[str]()
        for counts in info.counts.values():
            per_class.update(counts)
        for name in info.class_names:
            if per_class[name] < self.config.min_per_class:
                raise UserError(
                    f"class {name!r} has {per_class[name]} readable images, fewer than the "
                    f"{self.config.min_per_class} that `data.min_per_class` asks for",
                    fix="add images to the class or remove its folder",
                    code=ExitCode.DATA_REFUSED,
                )
        empty = [split for split in SPLITS if not info.split_size(split)]
        if empty:
            raise UserError(
                f"{per_class.total()} images are too few to fill train, val and test: "
                f"{' and '.join(empty)} would be empty",
                fix="add images; a few dozen a class are the least that training can use",
                code=ExitCode.DATA_REFUSED,
            )

    def _info(self, outcome: Outcome, assignment: Assignment) -> DatasetInfo:
        counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        for seen, split in zip(outcome.seen, assignment.splits, strict=True):
            counts[split][seen.class_name] += 1
        return DatasetInfo(
            class_names=self.listing.class_names,
            counts={split: dict(sorted(by_class.items())) for split, by_class in counts.items()},
            data_version=self.data_version,
            stored_size=self.config.resolved_stored_size,
            dead_letters=len(outcome.letters),
            columns=self._columns(),
            test_set=_digest_of_test(outcome.seen, assignment.splits),
        )

    def _columns(self) -> dict[str, Literal["int", "float", "text"]]:
        """Name and type of the manifest's extra columns; every column has one type (`manifest`)."""
        samples = {
            name: value for file in self.listing.files for name, value in file.columns.items()
        }
        return {name: _COLUMN_TYPES[type(samples[name])] for name in sorted(samples)}

    def _write(self, folder: str, output: str, outcome: Outcome, assignment: Assignment) -> None:
        spans: dict[str, list[Span]] = defaultdict(list)
        for span, split in zip(outcome.spans, assignment.splits, strict=True):
            spans[split].append(span)
        plans = plan_shards(
            spans, max_bytes=self.config.shard_mb * 2**20, min_shards=self.config.min_shards
        )
        for shard, plan in plans.items():
            staging.write_json(paths.join(folder, f"{shard}.plan"), plan)
        with self.make_pipeline() as pipeline:
            _ = (
                pipeline
                | "Shards" >> beam.Create(list(plans), reshuffle=False)
                | "Write" >> WriteShards(folder, output)
            )
        written = sum(staging.read_json(paths.join(folder, f"{shard}.done")) for shard in plans)
        if written != len(outcome.examples):
            raise RuntimeError(
                f"{len(outcome.examples)} examples were planned, but {written} were written"
            )

    def _report(
        self, folder: str, outcome: Outcome, assignment: Assignment, info: DatasetInfo
    ) -> None:
        """Totals, reasons, and which images are in another split than before, or than the input says."""
        files = self.listing.files
        moved = [
            {"path": files[outcome.examples[at]].name, "from": source, "to": assignment.splits[at]}
            for at, source in sorted(assignment.moved.items())
        ]
        for image in moved:
            _LOGGER.warning(
                "%(path)s is in %(to)s, no longer in %(from)s: it is, or resembles, an image that was there first",
                image,
            )
        report = {
            "layout": self.listing.layout,
            "files": self.listing.found,
            "ignored": self.listing.ignored,
            "examples": len(outcome.examples),
            "dead_letters": len(outcome.letters),
            "reasons": dict(sorted(Counter(letter.reason for letter in outcome.letters).items())),
            "duplicate_groups": assignment.groups,
            "moved": moved,
            "splits": {split: info.split_size(split) for split in SPLITS},
        }
        paths.write_whole(paths.join(folder, REPORT_FILE), json.dumps(report, indent=2).encode())


def _digest_of_test(seen: Sequence[Seen], splits: Sequence[str]) -> str:
    contents = {one.sha256 for one, split in zip(seen, splits, strict=True) if split == TEST}
    return hashlib.sha256("".join(sorted(contents)).encode()).hexdigest()


def _write_letters(folder: str, letters: Sequence[DeadLetter]) -> None:
    lines = "".join(letter.to_json() + "\n" for letter in letters)
    paths.write_whole(paths.join(folder, DEAD_LETTERS_FILE), lines.encode())


def _sample(letters: Sequence[DeadLetter], count: int = 3) -> str:
    shown = "; ".join(
        f"{letter.path} ({letter.reason}: {letter.detail})" for letter in letters[:count]
    )
    return shown + (f"; and {len(letters) - count} more" if len(letters) > count else "")
