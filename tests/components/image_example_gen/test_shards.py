from __future__ import annotations

from components.image_example_gen.shards import Span, plan_shards


def spans(*lengths: int) -> list[Span]:
    return [Span(at // 2, 10 * at, length) for at, length in enumerate(lengths)]


def test_no_shard_grows_over_its_bound_and_nothing_is_lost() -> None:
    plans = plan_shards({"train": spans(4, 4, 4, 9, 4, 25, 1)}, max_bytes=10, min_shards=1)
    sizes = [[length for _, runs in plan for _, length in runs] for plan in plans.values()]
    assert sizes == [[4, 4], [4], [9], [4], [25], [1]]
    assert next(iter(plans)) == "Split-train/data_tfrecord-00000-of-00006.gz"


def test_small_splits_are_cut_for_parallel_readers() -> None:
    plans = plan_shards({"val": spans(*[5] * 8)}, max_bytes=1000, min_shards=4)
    assert [sum(len(runs) for _, runs in plan) for plan in plans.values()] == [2, 2, 2, 2]


def test_a_split_of_one_record_is_one_shard() -> None:
    assert len(plan_shards({"val": spans(7)}, max_bytes=1000, min_shards=4)) == 1


def test_records_of_one_block_are_read_in_one_go() -> None:
    (plan,) = plan_shards({"test": spans(1, 2, 3)}, max_bytes=100, min_shards=1).values()
    assert plan == [(0, [(0, 1), (10, 2)]), (1, [(20, 3)])]
