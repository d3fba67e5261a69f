"""The crossover: who reads which case when, and with or without the model's evidence."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

WITH, WITHOUT = "with", "without"
FIRST, REVISED = "first", "revised"
STEPS = (FIRST, REVISED)
SEQUENCES = ("A first", "B first")  # the half that a reader reads with the model in the first period
LETTERS = "ACDEFHJKLMNPQRTUVWXY34679"  # none that is taken for another
GROUPS, LETTERS_EACH = 3, 4  # of a code: K7QF-3MPA-XW9T, one of 6e16
CODE = re.compile(rf"[{LETTERS}]{{{LETTERS_EACH}}}(?:-[{LETTERS}]{{{LETTERS_EACH}}}){{{GROUPS - 1}}}")


@dataclass(frozen=True)
class Plan:
    """What one reader does.

    Attributes:
        sequence: one of `SEQUENCES`.
        periods: for each of the two periods, (case, arm) in the order of reading.
    """

    sequence: str
    periods: tuple[tuple[tuple[str, str], ...], ...]


def new_codes(readers: int) -> list[str]:
    """Codes for readers, from the operating system's source of secrets: no seed gives them again.

    Args:
        readers: how many; at least 1.

    Returns:
        codes, all different. A code is all that a reader shows, so it must neither be guessed nor be computed.

    Raises:
        ValueError: no readers.
    """
    if readers < 1:
        raise ValueError(f"{readers} readers: give 1 or more")
    codes: dict[str, None] = {}
    while len(codes) < readers:
        groups = ("".join(secrets.choice(LETTERS) for _ in range(LETTERS_EACH)) for _ in range(GROUPS))
        codes["-".join(groups)] = None
    return list(codes)


def randomise(halves: Mapping[str, str], codes: Sequence[str], seed: int) -> dict[str, Plan]:
    """A plan for each reader: every case twice, once in each period, once with the model's evidence and once without.

    Readers are put into the two sequences in blocks of two, in random order within a block, so that the sequences
    differ by one reader at most. Within a period the arms are mixed and the order is a reader's own: nobody knows
    before the first answer whether the model will be shown.

    Args:
        halves: case -> "A" or "B".
        codes: a code for each reader, in the order in which they are handed out.
        seed: of sequences and orders, never of codes. Whoever knows it knows what every reader will see.

    Returns:
        reader code -> plan.
    """
    rng = np.random.default_rng([seed, 1])
    blocks = [rng.permutation(2) for _ in range(-(-len(codes) // 2))]
    sequences = np.concatenate(blocks)[: len(codes)]
    return {code: _plan(halves, SEQUENCES[k], rng) for code, k in zip(codes, sequences, strict=True)}


def _plan(halves: Mapping[str, str], sequence: str, rng: np.random.Generator) -> Plan:
    names, periods = sorted(halves), []
    for period in (0, 1):
        order = [names[i] for i in rng.permutation(len(names))]
        aided = "AB"[SEQUENCES.index(sequence) ^ period]
        periods.append(tuple((case, WITH if halves[case] == aided else WITHOUT) for case in order))
    return Plan(sequence, tuple(periods))


def first_with(cases: pd.DataFrame, plans: Mapping[str, Plan]) -> np.ndarray:
    """Whether each reader (row) reads each case (column) with the model in the first period, bool (readers, cases)."""
    return np.array([[half == plan.sequence[0] for half in cases["half"]] for plan in plans.values()])
