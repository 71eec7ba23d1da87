"""A file that could not become an example, and why.

    DeadLetter(path="cats/7.jpg", reason="truncated", detail="image file is truncated (12 bytes not processed)")

Every reason code stands in `REASONS`; docs/data.md is the same table in prose.
"""

from __future__ import annotations

import dataclasses
import json

DEAD_LETTERS_FILE = "dead_letters.jsonl"

REASONS = {
    "empty_file": "the file has no bytes",
    "not_an_image": "the content is none of the supported formats",
    "unsupported_format": "an image, but of a format that is not supported",
    "corrupt": "the decoder found damaged data",
    "truncated": "the data ends before the image does",
    "too_many_pixels": "the header promises more pixels than `max_pixels`",
    "file_too_large": "the file is larger than `max_file_mb`",
    "time_limit": "decoding took longer than `decode_seconds`",
    "memory_limit": "decoding needed more memory than `decode_memory_mb`",
    "decoder_crashed": "the decoder's process died",
    "unreadable": "the file could not be opened or read",
    "no_class": "the file lies in no class folder, or its manifest row has no label",
    "bad_split": "the manifest row names a split that is none of train, val, test",
    "duplicate_path": "an earlier file or manifest row has the same path or name",
}
MISPLACED = frozenset({"no_class", "bad_split", "duplicate_path"})


@dataclasses.dataclass(frozen=True)
class DeadLetter:
    """One file that became no example.

    Attributes:
      path: relative to the root, as listed.
      reason: a key of `REASONS`.
      detail: what exactly happened, at most 300 characters.
      class_name: the class it would have had, or "".
      size: bytes.
    """

    path: str
    reason: str
    detail: str
    class_name: str = ""
    size: int = 0

    @property
    def is_corrupt(self) -> bool:
        """True where the file itself is at fault: only those count towards `max_corrupt_share`."""
        return self.reason not in MISPLACED

    def to_json(self) -> str:
        """One line of `dead_letters.jsonl`, pure ASCII."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, line: str) -> DeadLetter:
        """Reads a line that `to_json` wrote."""
        return cls(**json.loads(line))
