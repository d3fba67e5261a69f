"""Subgroups of test photographs: by skin type, body region, how common the disease is, and the photograph itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dermimit.data.skin import fitzpatrick_label

FEWEST = 30  # photographs of a subgroup; with fewer, no score is given
ALL = "all photographs"
NOT_RECORDED = "not recorded"
KINDS = {
    "skin": "skin type",
    "region": "body region",
    "frequency": "how common the disease is",
    "photograph": "conditions of the image",
}
"""Kind of subgroup -> heading."""

REGIONS = {
    "head and neck": ("scalp", "face", "ear", "neck", "nose", "lip"),
    "trunk": ("chest", "back", "abdomen", "groin"),
    "arms and hands": ("upper_arm", "arm", "forearm", "hand"),
    "legs and feet": ("thigh", "lower_leg", "leg", "foot"),
    "nails": ("nails",),
}
REGION_OF = {part: region for region, parts in REGIONS.items() for part in parts}
THIRDS = ("common third of the diseases", "middle third", "rare third")

Groups = dict[str, dict[str, np.ndarray]]


def groups_of(predictions: pd.DataFrame, facts: pd.DataFrame | None = None) -> Groups:
    """The subgroups of a run's test photographs that have a known disease.

    How common a disease is, is counted over all stored predictions, validation and test; the split is into thirds of
    the diseases, by number of photographs, ties in alphabetical order.

    Args:
        predictions: as a run stores them.
        facts: of drawn test cases, from `failures.case_facts`, a row a test photograph in order; None for none.

    Returns:
        kind, one of `KINDS`, -> name -> (n,) bool; a kind that is not recorded and a group of fewer than `FEWEST`
        photographs are left out.

    Raises:
        ValueError: there are not as many facts as test photographs.
    """
    test = predictions[(predictions["split"] == "test") & predictions["disease"].notna()]
    if facts is not None and len(facts) != len(test):
        raise ValueError(f"{len(test)} test photographs and facts of {len(facts)}: give those of the test split")
    skin, third = test["fitzpatrick"], test["disease"].map(thirds(predictions["disease"].dropna()))
    found: Groups = {
        "skin": {f"skin type {fitzpatrick_label(t)}": (skin == t).fillna(False).to_numpy(bool) for t in range(1, 7)},
        "region": _regions(test),
        "frequency": {name: (third == name).to_numpy(bool) for name in THIRDS},
        "photograph": {} if facts is None else _likeness(facts),
    }
    kept = {kind: {n: g for n, g in groups.items() if g.sum() >= FEWEST} for kind, groups in found.items()}
    return {kind: groups for kind, groups in kept.items() if groups}


def thirds(diseases: pd.Series) -> Mapping[str, str]:
    """Disease -> the third of `THIRDS` that it belongs to, by its number of photographs."""
    counts = diseases.value_counts()
    order = sorted(counts.index, key=lambda name: (-counts[name], name))
    return {name: THIRDS[3 * rank // len(order)] for rank, name in enumerate(order)}


def _regions(test: pd.DataFrame) -> dict[str, np.ndarray]:
    """By region; a body part that is in none of them stands for itself, and one of several in none."""
    part = test["body_part"] if "body_part" in test else pd.Series(None, index=test.index, dtype=object)
    region = part.map(lambda name: REGION_OF.get(name.lower(), name) if isinstance(name, str) else None)
    names = [*REGIONS, *sorted(set(region.dropna()) - set(REGIONS))]
    return {name: (region == name).to_numpy(bool) for name in names}


def _likeness(facts: pd.DataFrame) -> dict[str, np.ndarray]:
    """What a photograph is like, as far as it was drawn: thirds by blur and lesion, things that are in sight."""
    blur, area = (facts[name].rank(method="first", pct=True).to_numpy() for name in ("blur", "area"))
    things = facts[["ink", "ruler", "dressing", "hair"]].any(axis=1).to_numpy(bool)
    return {
        "sharpest third": blur <= 1 / 3,
        "most blurred third": blur > 2 / 3,
        "ink, ruler, dressing or stray hair": things,
        "none of these": ~things,
        "smallest third of the lesions": area <= 1 / 3,
        "largest third of the lesions": area > 2 / 3,
    }
