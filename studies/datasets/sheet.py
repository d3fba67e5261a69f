"""Synthetic cases for a contact sheet, chosen by their labels and not by their looks."""

from __future__ import annotations

import numpy as np

from dermimit.data.synderm import Case, SynDerm, process, read_regime
from dermimit.explain.style import pretty
from studies.shared.worked_case import REGIME, SEED

LOOKED_AT = 2000  # cases among which to choose
SKIN_TYPES = 6


def contact_sheet(n: int = 12, size: int = 256) -> list[Case]:
    """The first case of each of the n commonest diseases whose skin type follows the last one's, I to VI and again.

    Args:
        n: cases, 1 to 49.
        size: side of a picture in pixels.

    Raises:
        ValueError: a disease has no such case among the first `LOOKED_AT`.
    """
    data, facts = SynDerm(LOOKED_AT, seed=SEED, image_size=size, regime=REGIME), process(read_regime(REGIME))
    labels, cases = [data.labels(i) for i in range(LOOKED_AT)], []
    for place, which in enumerate(np.argsort(-facts.prior, kind="stable")[:n]):
        wanted = (facts.diseases[which], 1 + place % SKIN_TYPES)
        found = next((i for i, x in enumerate(labels) if (x.disease, x.fitzpatrick) == wanted), None)
        if found is None:
            raise ValueError(f"no case of {wanted[0]} with skin type {wanted[1]} among {LOOKED_AT}; look at more")
        cases.append(data[found])
    return cases


def caption(case: Case) -> str:
    """Disease and body part, on two lines."""
    return f"{pretty(case.disease)}\n{pretty(case.body_part)}"
