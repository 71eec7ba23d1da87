"""Remembers in which split an image was first put, so that it stays there: the registry's reference test set.

    ledger = load_ledger(registry, name, config)
    save_ledger(registry, name, ledger.updated(...))

One compressed NumPy file, `<registry>/<name>/split-ledger.npz`, replaced whole. Writing the same data again writes
the same ledger, so a run that was killed before or after may be repeated. Other settings deal out anew what is not
tested on; the test images stay what they are. Without a registry there is no ledger, and splits follow from the images
alone (`assign`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json

import numpy as np
import numpy.typing as npt

from components.image_example_gen import paths
from components.image_example_gen.config import IngestConfig
from trainer.errors import UserError
from trainer.features import SPLITS

LEDGER_FILE = "split-ledger.npz"
NEVER = 255


@dataclasses.dataclass(frozen=True)
class Ledger:
    """What is known of images seen before; all arrays have one row per image, sorted by sha256.

    Attributes:
      settings: digest of the settings that deal out splits; under others, only the test images are kept.
      sha256: bytes [n] of 64 hexadecimal digits.
      phash: int64 [n].
      thumbnail: uint8 [n, 256].
      split: uint8 [n], index into SPLITS.
      since: int32 [n], in which ingest the image came; 1 is the oldest.
      moved_from: uint8 [n], the split it had before its group joined an older one, else `NEVER`.
    """

    settings: str
    sha256: npt.NDArray[np.bytes_]
    phash: npt.NDArray[np.int64]
    thumbnail: npt.NDArray[np.uint8]
    split: npt.NDArray[np.uint8]
    since: npt.NDArray[np.int32]
    moved_from: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.sha256)

    @property
    def last(self) -> int:
        """Number of the latest ingest; 0 where there was none."""
        return int(self.since.max(initial=0))

    def only_test(self, config: IngestConfig) -> Ledger:
        """What other settings must still know: the images that were tested on."""
        rows = self.split == SPLITS.index("test")
        kept = {f.name: getattr(self, f.name)[rows] for f in dataclasses.fields(self)[1:]}
        return Ledger(settings_digest(config), **kept)


def empty_ledger(config: IngestConfig) -> Ledger:
    """A ledger that knows nothing."""
    return Ledger(
        settings_digest(config),
        np.zeros(0, "S64"),
        np.zeros(0, np.int64),
        np.zeros((0, 256), np.uint8),
        np.zeros(0, np.uint8),
        np.zeros(0, np.int32),
        np.zeros(0, np.uint8),
    )


def settings_digest(config: IngestConfig) -> str:
    """Digest of what deals out splits: who changes that asks for other splits."""
    settings = json.dumps([config.seed, sorted(config.fractions.items()), config.group_duplicates])
    return hashlib.sha256(settings.encode()).hexdigest()


def ledger_path(registry: str, name: str) -> str:
    """Where the ledger of a model lies."""
    return paths.join(paths.local(registry), name, LEDGER_FILE)


def load_ledger(registry: str, name: str, config: IngestConfig) -> Ledger:
    """Reads the ledger; an empty one where there is no registry or no file yet.

    Where the settings have changed it holds the test images only.

    Raises:
      UserError: the file is damaged.
    """
    if not registry or not paths.exists(path := ledger_path(registry, name)):
        return empty_ledger(config)
    try:
        with np.load(io.BytesIO(paths.read_bytes(path)), allow_pickle=False) as arrays:
            ledger = Ledger(
                str(arrays["settings"]),
                *(arrays[field.name] for field in dataclasses.fields(Ledger)[1:]),
            )
    except (ValueError, KeyError, EOFError, OSError) as error:
        raise UserError(
            f"the split ledger {path!r} cannot be read: {error}",
            fix="restore it from a backup, or delete it: splits are then dealt out anew, and images that were "
            "tested on may be trained on",
        ) from error
    return ledger if ledger.settings == settings_digest(config) else ledger.only_test(config)


def save_ledger(registry: str, name: str, ledger: Ledger) -> None:
    """Replaces the ledger's file, unless it says the same already."""
    path = ledger_path(registry, name)
    buffer = io.BytesIO()
    arrays = {field.name: getattr(ledger, field.name) for field in dataclasses.fields(Ledger)}
    np.savez_compressed(buffer, **arrays)
    if not paths.exists(path) or paths.read_bytes(path) != buffer.getvalue():
        paths.write_whole(path, buffer.getvalue())
