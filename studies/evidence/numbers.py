"""The numbers and words of the prose of the chapters on evidence and verdicts, to be glued."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.evaluate.comparisons import ONE_SEED
from dermimit.evaluate.estimate import ALPHA, INCONCLUSIVE, minus, p_text
from dermimit.evaluate.significance import holm
from studies.evidence.exploration import ABOVE, BELOW, INSIDE, NO_TRAINING
from studies.evidence.verdict_texts import answers
from studies.shared.listing import listed
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, SUPPORTED

ENDS = ("", "_low", "_high")
READINGS = {"above": ABOVE, "below": BELOW, "inside": INSIDE, "stuck": NO_TRAINING}
VERDICTS = {
    "held": SUPPORTED, "inconclusive": INCONCLUSIVE, "same": NO_DIFFERENCE, "contradicted": CONTRADICTED,
    "untested": ONE_SEED,
}  # fmt: skip
Numbers = dict[str, float | str]


def of_evidence(
    ablation: pd.DataFrame, choices: pd.DataFrame, rivals: pd.DataFrame, pairs: Sequence[Mapping[str, Any]]
) -> Numbers:
    """What parts, choices and other models change.

    Args:
        ablation: differences from D, from `Evidence.against`.
        choices, rivals: the tables of these names, from `exploration.explore`.
        pairs: paired differences on real photographs, of `real.read_real_evidence`.
    """
    full = ablation.set_index("row").loc["full"]
    real = next(p for p in pairs if (p["row"], p["reference"]) == ("imagenet_full", "imagenet_D"))
    corrected = holm(pd.Series([p["p"] for p in pairs], dtype=float))[pairs.index(real)]
    numbers: Numbers = {"real_p": "not tested" if pd.isna(corrected) else p_text(corrected)}
    numbers |= {"real_seeds": real["seeds"], "full_seeds": int(full["seeds"])}
    for name, line in (("full", full), ("real", real)):
        numbers |= {f"{name}{end}": float(line[f"difference{end}"]) for end in ENDS}
    for name, table in (("choice", choices), ("rival", rivals)):
        rows = table[table["reference"].notna()]
        for key, reading in READINGS.items():
            some = rows[rows["reading"] == reading]
            numbers |= {f"{name}s_{key}": len(some), f"{name}s_{key}_names": row_names(some, name == "choice")}
        numbers |= {f"{name}s": len(rows), f"{name}s_by_chance": ALPHA * len(rows), f"{name}_band": rows["half"].max()}
    return numbers


def row_names(rows: pd.DataFrame, factors: bool) -> str:
    """The rows' names and differences in words.

    Args:
        rows: of `exploration.explore`.
        factors: name the group of each row too.
    """
    names = rows["group"] + ": " + rows["label"] if factors else rows["label"]
    tails = ["" if pd.isna(d) else minus(f" ({d:+.3f})") for d in rows["difference"]]
    return listed((f"{name}{tail}" for name, tail in zip(names, tails, strict=True)), separator=", ")


def of_labels(labels: pd.DataFrame, shares: pd.DataFrame, cosines: pd.DataFrame) -> Numbers:
    """What attributes and photographs change, and the strongest conflict between tasks.

    Args:
        labels, shares: the tables `labels` and `data_share`, from `exploration.explore`.
        cosines: from `gradient_conflict.mean_cosines`.
    """
    lines, fewer = labels.set_index("row"), shares.set_index("row")
    missing, wrong = lines.loc["missing100"], lines.loc["wrong100"]
    lowest = cosines.loc[cosines["cosine"].idxmin()]
    return {
        "no_attributes": missing["difference"],
        "wrong_attributes": wrong["difference"],
        "labels_band": missing["half"],
        "wrong_beside_missing": wrong["value"] - missing["value"],
        "two_seeds_band": missing["half"] * (2 / (1 + 1 / lines.loc["full", "seeds"])) ** 0.5,
        "fewest": fewer.loc["full_5", "difference"],
        "fewest_alone": fewer.loc["D_LSM_5", "difference"],
        "fewer_below": row_names(shares[shares["reading"] == BELOW], True),
        "watched_seeds": int(cosines["seeds"].min()),
        "least_cosine": lowest["cosine"],
        "least_pair": f"{lowest['pair'].replace('_', ' ').replace('/', ' and ')}, {lowest['model']}",
    }


def of_verdicts(drawn: pd.DataFrame, real: pd.DataFrame) -> Numbers:
    """How many claims have which verdict, and which.

    Args:
        drawn, real: from `verdicts.judge` and `verdicts.judge_real`.
    """
    numbers: Numbers = {}
    for name, table in (("drawn", drawn), ("real", real)):
        numbers[f"{name}_claims"] = len(table)
        for key, verdict in VERDICTS.items():
            claims = table.loc[table["verdict"] == verdict, "claim"]
            numbers |= {f"{name}_{key}": len(claims), f"{name}_{key}_claims": listed(claims)}
    return numbers | answers(drawn)
