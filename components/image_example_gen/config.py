"""Settings of the ingest: the YAML section `data:`.

IngestConfig(root="photos", splits=SplitFractions(train=0.7, val=0.15, test=0.15))
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from trainer.settings import Settings

DEFAULT_STORED_SIZE = 320
Layout = Literal["auto", "folders", "split_folders", "manifest"]


class SplitFractions(Settings):
    """Shares of the images that become train, val and test; they add up to 1."""

    train: float = Field(0.8, gt=0, lt=1, description="Share that is trained on, from 0 to 1.")
    val: float = Field(
        0.1, gt=0, lt=1, description="Share that steers training (early stopping, tuning)."
    )
    test: float = Field(0.1, gt=0, lt=1, description="Share that only evaluation and blessing see.")

    @model_validator(mode="after")
    def _whole(self) -> SplitFractions:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + val + test must be 1, got {total:g}")
        return self


class IngestConfig(Settings):
    """Where the images are, which splits they go to, and what is stored of each."""

    root: str = Field(
        "",
        description="Folder of images (one sub-folder per class, or train/ val/ test/ above them), "
        "or a CSV or JSONL manifest; a local path, or gs://, s3://, hdfs://.",
    )
    layout: Layout = Field(
        "auto",
        description="How `root` is read: `folders` (one per class), `split_folders` (train/, "
        "val|validation/, test/ with class folders inside), `manifest`, or `auto` to detect it.",
    )
    path_column: str = Field(
        "path", description="Manifest column with the image's path, relative to the manifest."
    )
    label_column: str = Field("label", description="Manifest column with the class name.")
    split_column: str = Field(
        "split", description="Manifest column with train, val or test; it may be missing or blank."
    )
    splits: SplitFractions = Field(
        SplitFractions(),
        description="Shares of train, val and test for images without a given split.",
    )
    validation_split: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Share of what is not test that becomes val (Keras's name for it); "
        "null: as in `splits`.",
    )
    seed: int = Field(0, description="Other seeds give other splits; any integer.")
    stratify_tolerance: float = Field(
        0.025,
        ge=0,
        le=1,
        description="How far a class's share of a split may be off before newly arrived images are "
        "dealt differently, as a fraction (0.025 is 2.5 points). Needs a registry.",
    )
    group_duplicates: bool = Field(
        True,
        description="Keep exact and near duplicates in one split, so none leaks into evaluation.",
    )
    stored_size: int | None = Field(
        None,
        ge=16,
        le=8192,
        description="Shorter side in pixels that larger images are scaled down to, never up; "
        "null: 1.25 times what training resizes to.",
    )
    jpeg_quality: int = Field(
        90,
        ge=30,
        le=100,
        description="Quality of re-encoded images, 30 to 100; originals stay where they are smaller.",
    )
    background: tuple[int, int, int] = Field(
        (255, 255, 255), description="RGB from 0 to 255 that shows through transparent pixels."
    )
    max_pixels: int = Field(
        100_000_000,
        ge=1024,
        description="Images with more pixels by their header are refused before they are decoded.",
    )
    max_file_mb: float = Field(256, gt=0, description="Larger files are refused unread, in MiB.")
    decode_seconds: float = Field(
        20, gt=0, le=3600, description="CPU seconds that one file may take before it is given up."
    )
    decode_memory_mb: int = Field(
        2048,
        ge=128,
        description="Memory that decoding one file may take beyond the decoder's own, in MiB.",
    )
    max_corrupt_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Share of files that may fail to decode before the run is stopped.",
    )
    min_classes: int = Field(2, ge=1, description="Fewer classes than this is an error.")
    min_per_class: int = Field(
        1, ge=0, description="Every class needs this many readable images, or the run is stopped."
    )
    shard_mb: float = Field(
        64, gt=0, description="Upper bound on one shard of records before compression, in MiB."
    )
    min_shards: int = Field(
        4,
        ge=1,
        description="Least number of shards a split is cut into, so that later steps have something to share.",
    )
    block_size: int = Field(
        64, ge=1, le=10_000, description="Files that one Beam work item covers at most."
    )

    @property
    def resolved_stored_size(self) -> int:
        """`stored_size`, or the default where it is null."""
        return self.stored_size or DEFAULT_STORED_SIZE

    @property
    def fractions(self) -> dict[str, float]:
        """Share of each split by name, `validation_split` taken into account."""
        if self.validation_split is None:
            return {"train": self.splits.train, "val": self.splits.val, "test": self.splits.test}
        rest = 1 - self.splits.test
        val = rest * self.validation_split
        return {"train": rest - val, "val": val, "test": self.splits.test}
