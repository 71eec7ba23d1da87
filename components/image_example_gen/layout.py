"""What a file's place among folders says: its class, its split, or that it is none of ours.

layout = detect_layout(names)            # "folders" or "split_folders"
place("train/cats/1.jpg", layout)        # Place("cats", "train")
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterable

SPLIT_ALIASES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
MANIFEST_NAMES = ("manifest.csv", "manifest.tsv", "manifest.jsonl", "manifest.ndjson")
MANIFEST_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
# Unicode's categories of control characters, line separators and paragraph separators.
_BREAKING = frozenset({"Cc", "Zl", "Zp"})
_LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "icon\r", "@eadir"})


@dataclasses.dataclass(frozen=True)
class Place:
    """Class and split of a file; "" where its folders do not say."""

    class_name: str
    split: str


def is_ignored(name: str) -> bool:
    """True for hidden files and folders (a leading dot) and for what desktops leave behind."""
    return any(map(is_litter, name.split("/")))


def is_litter(part: str) -> bool:
    """The same of one name without folders."""
    return part[:1] == "." or part.lower() in _LITTER


def split_of(text: str) -> str:
    """train, val or test for any usual spelling of it, else ""."""
    return SPLIT_ALIASES.get(text.strip().lower(), "")


def detect_layout(names: Iterable[str]) -> str:
    """`split_folders` where all top folders are named like splits, train among them with folders inside."""
    parts = [name.split("/") for name in names]
    splits = {split_of(part[0]) for part in parts if len(part) > 1}
    deep_train = any(len(part) > 2 and split_of(part[0]) == "train" for part in parts)
    return "split_folders" if deep_train and "" not in splits else "folders"


def place(name: str, layout: str) -> Place:
    """Class (the outermost folder, below the split's) and split of a file; deeper folders do not matter."""
    folders = name.split("/")[:-1]
    split = ""
    if layout == "split_folders" and folders:
        split, folders = split_of(folders[0]), folders[1:]
    return Place(clean_label(folders[0]) if folders else "", split)


def clean_label(text: str) -> str:
    """A class name in valid UTF-8 and normal form C: names that look the same are the same.

    Bad bytes show as `\\\\xff`, and so do control characters and line breaks: files of labels hold one name a line.
    """
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(map(_shown, unicodedata.normalize("NFC", readable)))


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _BREAKING:
        return character
    return character.encode("unicode_escape").decode("ascii")
