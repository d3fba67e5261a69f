"""The splits of a SynDerm dataset: their seeds and sizes, and the fresh test set."""

from collections.abc import Mapping

SPLITS = ("train", "val", "test")
TEST_SEED, TEST_CASES = 4242, 20_000  # of the fresh test set, which is the same beside every training set


def split_seed(seed: int, split: str) -> int:
    """The seed of a split: no two (seed, split) share one, so no case occurs twice."""
    return len(SPLITS) * seed + SPLITS.index(split)


def split_sizes(n: int | Mapping[str, int], fresh_test: bool = False) -> dict[str, int]:
    """Cases by split, without empty ones; of a whole number n // 10 for validation, n // 5 for test, the rest to train.

    With `fresh_test` the test split has `TEST_CASES` cases beside the others, or as many of them as `n` names.

    Raises:
        ValueError: an unknown split, a negative number, or no case at all.
    """
    if isinstance(n, Mapping):
        sizes = dict(n)
    else:
        test = 0 if fresh_test else n // 5
        sizes = {"train": n - n // 10 - test, "val": n // 10, "test": test}
    if fresh_test and min(sizes.values(), default=0) >= 0 and sum(sizes.values()) > 0:
        sizes = {**sizes, "test": min(sizes.get("test") or TEST_CASES, TEST_CASES)}
    if unknown := sorted(set(sizes) - set(SPLITS)):
        raise ValueError(f"n: unknown split {unknown}; use {', '.join(SPLITS)}")
    if min(sizes.values(), default=0) < 0 or sum(sizes.values()) < 1:
        raise ValueError(f"n: must hold at least one case and no negative number, found {n}")
    return {split: int(sizes[split]) for split in SPLITS if sizes.get(split)}
