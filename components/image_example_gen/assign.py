"""Which image goes to which split: by group, stable as data grows, close to stratified.

    assignment = assign(images, ledger, config)
    assignment.splits[i], assignment.ledger, assignment.moved

An image's place follows from a hash of its content, or, for a group of duplicates, of the member whose SHA-256 is
least: that alone keeps everything where it is when other images come or go. The ledger adds what a hash cannot know:
which image was there first. A near duplicate that comes later joins its group; where a newcomer joins two groups,
the older split wins and the images of the other are moved there and reported. With a ledger, newcomers are also
dealt so that no class's share of a split is far off.

Test outweighs all of that: with a ledger, what was ever tested on, or looks like it, is tested on for good. Even
where the input says otherwise the very file stays out of training, so that models of different months are compared
on images that none of them has learned.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

import numpy as np
import numpy.typing as npt

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.ledger import NEVER, Ledger
from components.near_duplicates import groups, near_duplicates
from trainer.features import SPLITS

TEST = "test"
_INDEX = {split: at for at, split in enumerate(SPLITS)}


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What splitting needs to know of an image.

    Attributes:
      sha256: of the file's content, 64 hexadecimal digits.
      phash: perceptual hash.
      thumbnail: 256 bytes.
      class_name: its class.
      split: given by the input, or "".
    """

    sha256: str
    phash: int
    thumbnail: bytes
    class_name: str
    split: str = ""


@dataclasses.dataclass(frozen=True)
class Assignment:
    """Result of `assign`.

    Attributes:
      splits: of each image, in the order given.
      ledger: what to remember.
      moved: for each image that left the split it had, or that the input gives it, its position and that split.
      groups: number of groups that hold more than one image.
    """

    splits: tuple[str, ...]
    ledger: Ledger
    moved: Mapping[int, str]
    groups: int


@dataclasses.dataclass(slots=True)
class _Group:
    """Images that stay together, as positions of unique contents.

    Attributes:
      key: least SHA-256 of what is here now.
      members: positions in the table of contents.
      counts: images a class.
      known: True where a split was remembered, so nothing may move it.
      split: index into SPLITS.
    """

    key: str
    members: list[int]
    counts: Counter[str]
    known: bool = False
    split: int = 0


def assign(
    images: Sequence[Seen], ledger: Ledger, config: IngestConfig, *, stratify: bool = True
) -> Assignment:
    """Deals images out to splits.

    Args:
      images: all images of this ingest.
      ledger: what was decided before.
      config: fractions, seed, tolerance.
      stratify: the result is remembered: correct the shares of classes, and keep what is tested on out of training.
    """
    fractions, free = _open_splits(images, config.fractions)
    given_test = {image.sha256 for image in images if image.split == TEST} if stratify else set()
    contents = {
        image.sha256: image
        for at, image in enumerate(images)
        if free[at] or image.sha256 in given_test
    }
    table = _Contents.of(contents, ledger, given_test)
    apart = table.test_rows() if all(image.split for image in images) else None
    dealt = [image for at, image in enumerate(images) if free[at]]
    found = _groups(table, dealt, config, apart)
    _deal(found, table, fractions, config.seed)
    if stratify:
        _stratify(found, fractions, config.stratify_tolerance)
    _fill_empty(found, fractions, images, free)
    new_ledger = table.remember(found, ledger)
    row = {bytes(sha).decode(): at for at, sha in enumerate(new_ledger.sha256)}
    splits = [
        SPLITS[new_ledger.split[row[image.sha256]]]
        if free[at] or table.is_test(image.sha256)
        else image.split
        for at, image in enumerate(images)
    ]
    moved = {
        at: SPLITS[source]
        for at, image in enumerate(images)
        if free[at] and (source := int(new_ledger.moved_from[row[image.sha256]])) != NEVER
    }
    moved |= {
        at: image.split
        for at, image in enumerate(images)
        if not free[at] and splits[at] != image.split
    }
    return Assignment(tuple(splits), new_ledger, moved, sum(g.counts.total() > 1 for g in found))


def _open_splits(
    images: Sequence[Seen], fractions: Mapping[str, float]
) -> tuple[dict[str, float], list[bool]]:
    """The splits to deal to, and which images are dealt.

    Images without a given split are. Where splits are given but val (or test) is missing, it is carved out of the
    given train images.
    """
    given = {image.split for image in images} - {""}
    missing = [split for split in SPLITS if split not in given]
    if not given:
        return dict(fractions), [True] * len(images)
    carve = bool(missing) and all(image.split for image in images)
    free = [not image.split or (carve and image.split == "train") for image in images]
    usable = ["train", *missing] if carve else list(SPLITS)
    total = sum(fractions[split] for split in usable)
    return {split: fractions[split] / total for split in SPLITS if split in usable}, free


@dataclasses.dataclass
class _Contents:
    """Contents at hand and remembered ones, without repeats; the first `present` rows are at hand."""

    sha256: list[str]
    phash: npt.NDArray[np.int64]
    thumbnail: list[bytes]
    remembered: dict[str, int]
    ledger: Ledger
    present: int
    given_test: Set[str]

    @classmethod
    def of(cls, contents: Mapping[str, Seen], ledger: Ledger, given_test: Set[str]) -> _Contents:
        remembered = {bytes(sha).decode(): at for at, sha in enumerate(ledger.sha256)}
        here = sorted(contents)
        gone = [sha for sha in remembered if sha not in contents]
        rows = [remembered[sha] for sha in gone]
        phash = np.array([contents[sha].phash for sha in here], np.int64)
        thumbnail = [contents[sha].thumbnail for sha in here]
        return cls(
            here + gone,
            np.concatenate([phash, ledger.phash[rows].astype(np.int64)]),
            thumbnail + [ledger.thumbnail[row].tobytes() for row in rows],
            remembered,
            ledger,
            len(here),
            given_test,
        )

    def since(self, at: int) -> int | None:
        """In which ingest a content came, or None for a new one."""
        row = self.remembered.get(self.sha256[at])
        return None if row is None else int(self.ledger.since[row])

    def is_test(self, sha256: str) -> bool:
        """Whether a content was ever tested on, or is to be by the input."""
        row = self.remembered.get(sha256)
        return sha256 in self.given_test or (
            row is not None and int(self.ledger.split[row]) == _INDEX[TEST]
        )

    def test_rows(self) -> npt.NDArray[np.bool_]:
        """`is_test` of each content; bool [n]."""
        return np.fromiter(map(self.is_test, self.sha256), np.bool_, len(self.sha256))

    def remember(self, found: Iterable[_Group], ledger: Ledger) -> Ledger:
        """The ledger after this ingest."""
        count, now = len(self.sha256), ledger.last + 1
        split, since = np.zeros(count, np.uint8), np.full(count, now, np.int32)
        moved = np.full(count, NEVER, np.uint8)
        for group in found:
            for at in group.members:
                split[at] = group.split
                row = self.remembered.get(self.sha256[at])
                if row is not None:
                    since[at] = ledger.since[row]
                    before = ledger.split[row]
                    moved[at] = before if before != group.split else ledger.moved_from[row]
        order = np.argsort(np.array(self.sha256, "S64"), kind="stable")
        thumbnails = np.frombuffer(b"".join(self.thumbnail), np.uint8).reshape(-1, 256)
        return Ledger(
            ledger.settings,
            np.array(self.sha256, "S64")[order],
            self.phash[order],
            thumbnails[order],
            split[order],
            since[order],
            moved[order],
        )


def _groups(
    table: _Contents,
    images: Iterable[Seen],
    config: IngestConfig,
    apart: npt.NDArray[np.bool_] | None = None,
) -> list[_Group]:
    """Groups in the order of their keys; each has a member at hand, or only remembered ones.

    Where the input gives every split, its test set stays as it gives it: contents that are `apart` (bool [n]) form no
    group with others, and the data gate reports what looks alike.
    """
    count = len(table.sha256)
    pairs = (
        near_duplicates(table.phash, table.thumbnail)
        if config.group_duplicates and count
        else np.zeros((0, 2), np.int64)
    )
    if apart is not None:
        pairs = pairs[apart[pairs[:, 0]] == apart[pairs[:, 1]]]
    members = defaultdict(list)
    for at, root in enumerate(groups(count, pairs).tolist()):
        members[root].append(at)
    classes = _classes_of(images)
    found = []
    for rows in members.values():
        here = [table.sha256[at] for at in rows if at < table.present]
        counted = [classes[sha] for sha in here if sha in classes]
        counts = counted[0] if len(counted) == 1 else sum(counted, Counter[str]())
        found.append(_Group(min(here or [table.sha256[at] for at in rows]), rows, counts))
    return sorted(found, key=lambda group: group.key)


def _classes_of(images: Iterable[Seen]) -> dict[str, Counter[str]]:
    """Images a class of each content; the many contents with one image share a counter, so do not change it."""
    alone: dict[str, Counter[str]] = {}
    classes: dict[str, Counter[str]] = {}
    for image in images:
        one = alone.setdefault(image.class_name, Counter({image.class_name: 1}))
        known = classes.get(image.sha256)
        classes[image.sha256] = one if known is None else known + one
    return classes


def _deal(
    found: Iterable[_Group], table: _Contents, fractions: Mapping[str, float], seed: int
) -> None:
    """Gives each group test if any member is, else the split of its oldest member, else what its hash says."""
    for group in found:
        old = [
            (since, table.sha256[at], at)
            for at in group.members
            if (since := table.since(at)) is not None
        ]
        if any(table.is_test(table.sha256[at]) for at in group.members):
            group.split, group.known = _INDEX[TEST], True
            continue
        if old:
            row = table.remembered[min(old)[1]]
            group.split, group.known = int(table.ledger.split[row]), True
        if not old or SPLITS[group.split] not in fractions:
            group.split, group.known = _INDEX[_drawn(group.key, fractions, seed)], False


def _drawn(key: str, fractions: Mapping[str, float], seed: int) -> str:
    """The split in whose stretch of [0, 1) the hash of the key falls."""
    digest = hashlib.blake2b(f"{seed}/{key}".encode(), digest_size=8).digest()
    point = int.from_bytes(digest, "big") / 2**64
    split = "train"
    for split, share in fractions.items():
        point -= share
        if point < 0:
            return split
    return split


def _stratify(found: Sequence[_Group], fractions: Mapping[str, float], tolerance: float) -> None:
    """Moves new groups of one class between splits until each share is within the tolerance, if that can be."""
    by_class: dict[str, list[_Group]] = defaultdict(list)
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for group in found:
        for name, count in group.counts.items():
            counts[name][group.split] += count
        if len(group.counts) == 1 and not group.known:
            by_class[next(iter(group.counts))].append(group)
    for name, candidates in sorted(by_class.items()):
        _balance(candidates, counts[name], fractions, tolerance)


def _balance(
    candidates: Sequence[_Group],
    counts: Counter[int],
    fractions: Mapping[str, float],
    tolerance: float,
) -> None:
    total = counts.total()
    while True:
        excess = {
            _INDEX[split]: counts[_INDEX[split]] - share * total
            for split, share in fractions.items()
        }
        over, under = max(excess, key=lambda at: excess[at]), min(excess, key=lambda at: excess[at])
        if max(excess[over], -excess[under]) <= max(tolerance * total, 0.5):
            return
        # Moving k images must bring the two splits closer to what they should have, not merely trade places.
        room = excess[over] - excess[under]
        group = next((g for g in candidates if g.split == over and g.counts.total() < room), None)
        if group is None:
            return
        counts[over] -= group.counts.total()
        counts[under] += group.counts.total()
        group.split = under


def _fill_empty(
    found: Sequence[_Group],
    fractions: Mapping[str, float],
    images: Sequence[Seen],
    free: Sequence[bool],
) -> None:
    """Gives a split that would stay empty one new group of the fullest; only tiny sets get here."""
    counts = Counter({_INDEX[split]: 0 for split in fractions})
    counts.update(_INDEX[image.split] for at, image in enumerate(images) if not free[at])
    for group in found:
        counts[group.split] += group.counts.total()
    for split in (_INDEX[name] for name in fractions):
        fullest = max(counts, key=lambda at: counts[at])
        donors = [g for g in found if g.split == fullest and not g.known and g.counts]
        if counts[split] == 0 and len(donors) > 1:
            group = min(donors, key=lambda g: (g.counts.total(), g.key))
            group.split = split
            counts[split] += group.counts.total()
            counts[fullest] -= group.counts.total()
