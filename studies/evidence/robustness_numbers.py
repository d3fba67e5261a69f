"""The numbers and words of the page on robustness, to be glued."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from dermimit.evaluate.estimate import ALPHA, minus
from studies.evidence.exploration import ABOVE, BELOW, NO_TRAINING, Spread
from studies.evidence.robustness import DESIGN, NETWORKS, RECIPE, Alternatives
from studies.shared.counts import in_words
from studies.shared.listing import listed

NAMED = {
    "sgd": "sgd", "always": "always_cutmix", "half_mix": "half_cutmix", "missing": "missing100", "wrong": "wrong100",
    "fewest": "full_5", "fewest_alone": "D_LSM_5", "tenth_alone": "D_LSM_10",
    "random": "random_patches", "centre": "centre_patches",
}  # fmt: skip
"""Name of a glued number -> the row whose difference it is; `<name>_reading` says how it lies to the band."""
Numbers = dict[str, float | str]


def of_alternatives(found: Alternatives) -> Numbers:
    """What the page quotes: counts, the differences of `NAMED` rows in points, and how far seeds lie apart."""
    table, trained = found.table, found.trained
    by_row, readings = table.set_index("row")["difference"], table.set_index("row")["reading"]
    tuned = trained[trained["kind"].isin([DESIGN, RECIPE])]
    stuck = table[table["reading"] == NO_TRAINING]
    design = trained[trained["kind"] == DESIGN]
    numbers: Numbers = {key: minus(f"{by_row[row]:+.1f}") for key, row in NAMED.items()}
    numbers |= {f"{key}_reading": readings[row] for key, row in NAMED.items()}
    numbers |= {
        "alternatives": len(trained),
        "tried": len(table),
        "stuck": len(table) - len(trained),
        "stuck_words": in_words(len(table) - len(trained)).capitalize(),
        "stuck_names": listed(stuck["name"]),
    }
    numbers |= {"seeds": found.seeds}
    numbers |= {"choices": len(tuned), "choices_above": int((tuned["difference"] > 0).sum())}
    for key, reading in (("above", ABOVE), ("below", BELOW)):
        rows = trained[trained["reading"] == reading]
        networks = rows.loc[rows["kind"] == NETWORKS, "name"]
        numbers |= {f"outside_{key}": len(rows), f"{key}_names": listed(rows["name"])}
        numbers[f"networks_{key}"] = listed(networks)
    numbers["outside"] = sum(int(numbers[f"outside_{key}"]) for key in ("above", "below"))
    numbers |= {"by_chance": ALPHA * len(trained), "band": float(trained["half"].max())}
    numbers |= {"design_outside": int((design["reading"].isin([ABOVE, BELOW])).sum()), "designs": len(design)}
    numbers |= {"samples": found.budget[0], "pixels": found.budget[1]}
    numbers |= {"sd": 100 * found.spread.sd, "two": 100 * found.spread.half_width(1, 1)}
    numbers |= {"alike": 100 * found.alike[0], "alike_pairs": found.alike[1]}
    return numbers | shared_reference(found, design) | by_own_spread(found, design)


def by_own_spread(found: Alternatives, design: pd.DataFrame) -> Numbers:
    """What the band would be by the spread of the reference rows alone, and what would then lie outside.

    Returns:
        `own_band` in points; `own_designs` of the changes of design and `own_outside` of all alternatives lie outside.
    """
    band = 100 * found.own.half_width(1, found.seeds)
    outside = [int((abs(rows["difference"]) > band).sum()) for rows in (design, found.trained)]
    return {"own_band": band, "own_designs": outside[0], "own_outside": outside[1]}


def middle(found: Alternatives) -> float:
    """Median difference of the changes of the model's design, in points."""
    trained = found.trained
    return float(trained.loc[trained["kind"] == DESIGN, "difference"].median())


def shared_reference(found: Alternatives, design: pd.DataFrame) -> Numbers:
    """How far all differences are shifted together, and how far the mean of the reference's seeds alone may shift them.

    Returns:
        `middle`, `own_middle` (beside the reference of the alternatives' own seed) and `shift`, in points, and
        `shared`, a sentence that says what they tell.
    """
    median = float(design["difference"].median())
    own = median - found.own_seed
    shift = mean_shift(found.spread, found.seeds)
    numbers: Numbers = {"middle": minus(f"{median:+.1f}"), "own_middle": minus(f"{own:+.1f}"), "shift": shift}
    return numbers | {"shared": shared_text(median, own, shift)}


def mean_shift(spread: Spread, seeds: int) -> float:
    """How far the mean of so many seeds may lie from what it estimates, 95 times in 100, in points."""
    return 100 * float(stats.t.ppf(1 - ALPHA / 2, spread.df) * spread.sd / seeds**0.5)


def shared_text(median: float, own: float, shift: float) -> str:
    """What a common shift of all alternatives tells of the default.

    Args:
        median: of the alternatives, in points from the mean of the reference's seeds.
        own: the same, from the reference of the alternatives' own seed.
        shift: that the seeds of the reference alone may make, 95 times in 100.
    """
    sides = {abs(median) > shift, abs(own) > shift}
    if sides == {True}:
        return "Both shifts are larger than that: the default is probably not the best setting."
    if sides == {False}:
        return "Both shifts are smaller than that: the seeds of the reference alone may explain them."
    return (
        "One of the two shifts is larger than that. Either the seeds of the reference were unlucky or the default is "
        "not the best setting; these runs cannot tell which."
    )


def networks_table(found: Alternatives) -> pd.DataFrame:
    """The other networks for people: columns `network, compared with, macro-F1 (%), points, reading`."""
    rows = found.table[found.table["kind"] == NETWORKS]
    points = ["–" if pd.isna(d) else minus(f"{d:+.1f}") for d in rows["difference"]]
    return pd.DataFrame(
        {
            "network": rows["name"],
            "compared with": rows["reference"],
            "macro-F1 (%)": rows["value"].map("{:.1f}".format),
            "points": points,
            "reading": rows["reading"],
        }
    )
