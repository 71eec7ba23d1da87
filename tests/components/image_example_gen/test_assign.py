from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.fingerprints import fingerprint
from components.image_example_gen.assign import Assignment, Seen, assign
from components.image_example_gen.config import IngestConfig, SplitFractions
from components.image_example_gen.ledger import Ledger, empty_ledger
from tests.components.image_example_gen.images import picture

CONFIG = IngestConfig()


def seen(seed: int, *, class_name: str = "a", split: str = "", like: int | None = None) -> Seen:
    """An image; `like` makes it a near duplicate of another one."""
    print_ = fingerprint(np.asarray(picture(seed if like is None else like)))
    return Seen(f"{hash_of(seed)}", print_.phash, print_.thumbnail, class_name, split)


def hash_of(seed: int) -> str:
    import hashlib

    return hashlib.sha256(str(seed).encode()).hexdigest()


def run(
    images: Sequence[Seen], ledger: Ledger | None = None, config: IngestConfig = CONFIG
) -> Assignment:
    return assign(images, ledger or empty_ledger(config), config, stratify=ledger is not None)


MANY = [seen(seed, class_name="ab"[seed % 2]) for seed in range(400)]


def test_shares_are_near_the_fractions() -> None:
    counts = Counter(run(MANY).splits)
    assert counts["train"] == pytest.approx(320, abs=25)
    assert counts["val"] == pytest.approx(40, abs=20)


def test_another_seed_deals_otherwise_and_the_same_seed_alike() -> None:
    assert run(MANY).splits == run(MANY).splits
    assert run(MANY, config=IngestConfig(seed=1)).splits != run(MANY).splits


def test_adding_and_removing_images_moves_none_even_without_a_ledger() -> None:
    before = dict(zip((image.sha256 for image in MANY), run(MANY).splits, strict=True))
    some = MANY[::3] + [seen(seed) for seed in range(1000, 1040)]
    after = dict(zip((image.sha256 for image in some), run(some).splits, strict=True))
    assert all(before[sha] == split for sha, split in after.items() if sha in before)


def test_adding_images_moves_none_with_a_ledger_and_classes_stay_near_their_shares() -> None:
    ledger = empty_ledger(CONFIG)
    images, splits = [], {}
    for start in range(0, 400, 40):
        images += MANY[start : start + 40]
        result = run(images, ledger)
        now = dict(zip((image.sha256 for image in images), result.splits, strict=True))
        assert splits.items() <= now.items()
        splits, ledger = now, result.ledger
        for name in "ab":
            counts = Counter(splits[image.sha256] for image in images if image.class_name == name)
            for split, share in CONFIG.fractions.items():
                assert abs(counts[split] - share * counts.total()) <= max(0.025 * counts.total(), 1)


def test_running_again_with_the_new_ledger_changes_nothing() -> None:
    first = run(MANY, empty_ledger(CONFIG))
    again = run(MANY, first.ledger)
    assert again.splits == first.splits
    for name in ("sha256", "split", "since", "moved_from", "thumbnail", "phash"):
        np.testing.assert_array_equal(getattr(again.ledger, name), getattr(first.ledger, name))


def test_duplicates_share_a_split_whatever_their_class() -> None:
    images = [
        image
        for seed in range(30)
        for image in (seen(seed), seen(seed + 100, like=seed, class_name="b"))
    ]
    result = run([*images, images[0]])
    assert result.splits[0::2][:30] == result.splits[1::2]
    assert result.splits[-1] == result.splits[0]
    assert result.groups == 30


def test_grouping_can_be_turned_off() -> None:
    images = [image for seed in range(30) for image in (seen(seed), seen(seed + 100, like=seed))]
    config = IngestConfig(group_duplicates=False)
    splits = run(images, config=config).splits
    assert splits[0::2] != splits[1::2]


def test_a_late_near_duplicate_joins_its_group_and_even_that_of_a_removed_image() -> None:
    first = run(MANY, empty_ledger(CONFIG))
    late = [seen(2000 + seed, like=seed) for seed in range(60)]
    result = run([*MANY[30:], *late], first.ledger)
    assert result.splits[-60:] == first.splits[:60]


def test_where_groups_grow_together_the_older_split_wins_and_the_others_are_reported() -> None:
    old, young, bridge = (Seen(hash_of(seed), 0, b"", "a") for seed in (1, 2, 3))
    old, young, bridge = (
        Seen(image.sha256, look.phash, look.thumbnail, "a")
        for image, look in zip((old, young, bridge), (seen(1), seen(2), seen(1)), strict=True)
    )
    others = MANY[10:200]
    ledger = run([old, *others], empty_ledger(CONFIG)).ledger
    for seed in range(3000, 3100):
        young = Seen(hash_of(seed), seen(2).phash, seen(2).thumbnail, "a")
        second = run([old, young, *others], ledger)
        if second.splits[0] != second.splits[1]:
            break
    # The younger image now looks like the older one: its group has grown together with that one's.
    young = Seen(young.sha256, bridge.phash, bridge.thumbnail, "a")
    third = run([old, young, *others], second.ledger)
    assert third.splits[0] == third.splits[1] == second.splits[0]
    assert third.moved == {1: second.splits[1]}
    assert run([old, young, *others], third.ledger).moved == third.moved


def test_given_splits_are_kept_even_where_duplicates_cross_them() -> None:
    images = [
        seen(1, split="train"),
        seen(1, split="test"),
        seen(2, split="val"),
        seen(3, split="train", like=2),
    ]
    assert run(images).splits == ("train", "test", "val", "train")


def test_a_missing_val_is_carved_out_of_train() -> None:
    photos = [seen(seed, split="test" if seed % 4 == 0 else "train") for seed in range(400)]
    result = run(photos, empty_ledger(CONFIG))
    for image, split in zip(photos, result.splits, strict=True):
        assert (split == "test") == (image.split == "test")
    assert Counter(result.splits)["val"] == pytest.approx(300 / 9, abs=8)


def test_blank_splits_are_dealt_beside_given_ones() -> None:
    images = [seen(seed, split="val" if seed < 5 else "") for seed in range(100)]
    splits = run(images).splits
    assert splits[:5] == ("val",) * 5
    assert set(splits[5:]) == {"train", "val", "test"}


def test_a_tiny_set_still_fills_every_split() -> None:
    assert set(run([seen(seed) for seed in range(3)]).splits) == {"train", "val", "test"}


def test_validation_split_is_a_share_of_what_is_not_test() -> None:
    config = IngestConfig(validation_split=0.5, splits=SplitFractions(train=0.7, val=0.1, test=0.2))
    assert config.fractions == pytest.approx({"train": 0.4, "val": 0.4, "test": 0.2})


def test_an_image_between_a_test_and_an_older_train_image_takes_both_to_test() -> None:
    first = run(MANY, empty_ledger(CONFIG))
    old = next(at for at, split in enumerate(first.splits) if split == "train")
    seeds = iter(range(3000, 3200))
    young = next(
        image
        for seed in seeds
        for image in [seen(seed)]
        if run([*MANY, image], first.ledger).splits[-1] == "test"
    )
    second = run([*MANY, young], first.ledger)
    # Nobody's look changes; that the young one now also looks like the old one stands for a newcomer between them.
    young = dataclasses.replace(
        young, phash=MANY[old].phash, thumbnail=MANY[old].thumbnail, class_name="a"
    )
    third = run([*MANY, young], second.ledger)
    assert (third.splits[old], third.splits[-1]) == ("test", "test")
    assert third.moved == {old: "train"}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=12), max_size=6))
def test_whatever_comes_and_goes_no_test_image_or_its_like_enters_training(months) -> None:
    """Each month brings images, each like one of 41 motifs, and may take it away again."""
    ledger, tested, number = empty_ledger(CONFIG), set[str](), 5000
    images = {image.sha256: (image, motif) for motif, image in enumerate(MANY[:41])}
    for month in [[], *months]:
        for motif, stays in month:
            number += 1
            image = seen(number, like=motif)
            images[image.sha256] = (image, motif)
            if not stays:
                images.pop(MANY[motif].sha256, None)
        result = run([image for image, _ in images.values()], ledger)
        ledger = result.ledger
        splits = dict(zip(images, result.splits, strict=True))
        assert all(splits.get(sha, "test") == "test" for sha in tested)
        tested |= {sha for sha, split in splits.items() if split == "test"}
        motifs = {images[sha][1] for sha in tested & images.keys()}
        assert all(splits[sha] == "test" for sha, (_, motif) in images.items() if motif in motifs)


def test_a_given_test_image_stays_one_where_splits_are_given_no_more() -> None:
    photos = [seen(seed, split="test" if seed < 20 else "train") for seed in range(100)]
    ledger = run(photos, empty_ledger(CONFIG)).ledger
    flat = [dataclasses.replace(image, split="") for image in photos]
    late = [seen(2000 + seed, like=seed) for seed in range(20)]
    splits = run([*flat, *late], ledger).splits
    assert splits[:20] == splits[-20:] == ("test",) * 20


def test_a_test_image_given_to_train_stays_in_test_and_is_reported() -> None:
    photos = [seen(s, split=("test", "val", "train")[min(s // 10, 2)]) for s in range(100)]
    ledger = run(photos, empty_ledger(CONFIG)).ledger
    photos[0] = dataclasses.replace(photos[0], split="train")
    result = run(photos, ledger)
    assert result.splits[0] == "test"
    assert result.moved == {0: "train"}


def test_the_test_set_that_the_input_gives_does_not_grow_by_what_looks_like_it() -> None:
    """Somebody else's test set must stay comparable; the data gate reports the leak."""
    photos = [seen(seed, split="test" if seed < 20 else "train") for seed in range(100)]
    photos += [seen(2000 + seed, split="train", like=seed) for seed in range(20)]
    first = run(photos, empty_ledger(CONFIG))
    for result in (first, run(photos, first.ledger)):
        assert "test" not in result.splits[20:]
