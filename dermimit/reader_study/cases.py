"""Cases for a reader study: chosen by their labels, shared out over diseases and skin types, never by an answer."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from dermimit.reader_study import Shares

SKIN_GROUPS = {1: "I-II", 2: "I-II", 3: "III-IV", 4: "III-IV", 5: "V-VI", 6: "V-VI"}
UNKNOWN = "unknown"


def skin_groups(fitzpatrick: pd.Series) -> pd.Series:
    """Fitzpatrick types 1 to 6 as `I-II`, `III-IV` or `V-VI`; `unknown` where not recorded."""
    return fitzpatrick.map(SKIN_GROUPS).fillna(UNKNOWN).astype(str)


def select_cases(frame: pd.DataFrame, n: int, seed: int, shares: Shares = "equal") -> pd.DataFrame:
    """n photographs of n patients, stratified by disease and, within a disease, by skin type where known.

    Args:
        frame: a manifest, or the rows of it that may be shown.
        n: cases; even, since half of them are read with the model first.
        seed: the same seed and frame give the same cases, codes and halves.
        shares: "equal" gives each disease as many cases as its photographs allow; "as_found" keeps the frame's shares.

    Returns:
        the frame's rows in the order of their codes, with `case` (C001, C002, … in random order: a code says nothing),
        `skin_group` and `half` ("A" or "B", alike in diseases and skin types).

    Raises:
        ValueError: n is odd or below 2, or there are not enough patients with a known disease.
    """
    if n < 2 or n % 2:
        raise ValueError(f"{n} cases: give an even number, 2 or more, so that both halves are of one size")
    rng = np.random.default_rng([seed, 0])
    pool = _one_per_patient(frame[frame["disease"].notna()], rng)
    if len(pool) < n:
        raise ValueError(f"{n} cases asked for, but only {len(pool)} patients have a disease: ask for fewer")
    quotas = quotas_of(pool["disease"].value_counts().sort_index(), n, rng, shares)
    rows = _drawn(pool, quotas)
    return _coded(_halved(pool.loc[rows], rng), rng)


def _one_per_patient(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The rows in random order, the first one of each patient; a row without a patient is its own."""
    shuffled = frame.assign(skin_group=skin_groups(frame["fitzpatrick"])).iloc[rng.permutation(len(frame))]
    known = shuffled["patient_id"].notna()
    return shuffled[~(known & shuffled["patient_id"].duplicated())]


def quotas_of(counts: pd.Series, n: int, rng: np.random.Generator, shares: Shares) -> pd.Series:
    """How many cases of each disease, n in all, never more than there are.

    Args:
        counts: photographs by disease; their sum is at least n.
    """
    quotas = pd.Series(0, index=counts.index)
    if shares == "as_found":
        quotas = (counts * n // counts.sum()).astype(int)
        rest = (counts * n / counts.sum() - quotas).sample(frac=1, random_state=rng)
        quotas[rest.nlargest(n - int(quotas.sum()), keep="first").index] += 1
        return quotas
    while (missing := n - int(quotas.sum())) > 0:
        left = quotas.index[quotas < counts].to_numpy()
        quotas[rng.permutation(left)[:missing]] += 1
    return quotas


def _drawn(pool: pd.DataFrame, quotas: pd.Series) -> list:
    """Index labels: of each disease in turn, a photograph of the skin type that has been taken least so far."""
    rows, taken = [], dict.fromkeys([*SKIN_GROUPS.values(), UNKNOWN], 0)
    for disease in quotas.index:
        left = pool[pool["disease"] == disease]
        of_disease = dict.fromkeys(taken, 0)
        for _ in range(quotas[disease]):
            crowding = [(of_disease[group], taken[group]) for group in left["skin_group"]]
            row = left.index[min(range(len(left)), key=crowding.__getitem__)]
            group = left.at[row, "skin_group"]
            taken[group] += 1
            of_disease[group] += 1
            rows.append(row)
            left = left.drop(index=row)
    return rows


def _halved(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Case by case, disease after disease, into the half that has fewer of its disease and skin type so far.

    Where both have as many, into the one with fewer cases, or by chance; a full half takes no more.
    """
    ordered = rows.iloc[rng.permutation(len(rows))].sort_values(["disease", "skin_group"], kind="stable")
    seen: dict[str, Counter[str]] = {name: Counter() for name in "AB"}
    halves: list[str] = []
    for pair in zip(ordered["disease"], ordered["skin_group"], strict=True):
        open_ones = [name for name in "AB" if halves.count(name) < len(rows) // 2]
        chance = rng.random()

        def full(name: str, pair: tuple = pair, chance: float = chance) -> tuple[int, int, bool]:
            return sum(seen[name][label] for label in pair), halves.count(name), (name == "A") ^ (chance < 0.5)

        half = min(open_ones, key=full)
        seen[half].update(pair)
        halves.append(half)
    return ordered.assign(half=halves)


def _coded(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    shuffled = rows.iloc[rng.permutation(len(rows))].reset_index(drop=True)
    return shuffled.assign(case=[f"C{i + 1:03d}" for i in range(len(shuffled))])


def balance_table(cases: pd.DataFrame) -> pd.DataFrame:
    """Cases of each half by skin type: what the stratification achieved."""
    counted = cases.groupby(["skin_group", "half"]).size().unstack(fill_value=0).reset_index()
    return counted.set_axis(["skin type", "cases, half A", "half B"], axis=1)
