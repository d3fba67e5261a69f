"""The numbers and words of the prose of the chapters on evidence and verdicts, to be glued."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import ALPHA, p_text
from dermimit.evaluate.significance import holm
from studies.evidence.exploration import ABOVE, BELOW, INSIDE, NO_TRAINING
from studies.evidence.verdict_texts import answers
from studies.evidence.verdicts import CONTRADICTED, NOT_SHOWN, NOT_TESTED, SUPPORTED

Numbers = dict[str, float | str]


def of_evidence(
    ablation: pd.DataFrame, choices: pd.DataFrame, rivals: pd.DataFrame, pairs: Sequence[Mapping[str, Any]]
) -> Numbers:
    """What parts, choices and rivals are worth.

    Args:
        ablation: differences from D, from `Evidence.against`.
        choices, rivals: the tables of these names, from `exploration.explore`.
        pairs: paired differences on real photographs, of `real_evidence.read_real_evidence`.
    """
    full = ablation.set_index("row").loc["full"]
    real = next(p for p in pairs if (p["row"], p["reference"]) == ("imagenet_full", "imagenet_D"))
    corrected = holm(pd.Series([p["p"] for p in pairs], dtype=float))[pairs.index(real)]
    found: Numbers = {
        "real_p": "not tested" if pd.isna(corrected) else p_text(corrected),
        "real_seeds": real["seeds"],
        "full_seeds": int(full["seeds"]),
    }
    for name, line in (("full", full), ("real", real)):
        found |= {f"{name}{end}": float(line[f"difference{end}"]) for end in ("", "_low", "_high")}
    for name, table in (("choice", choices), ("rival", rivals)):
        own = table[table["reference"].notna()]
        for key, reading in (("above", ABOVE), ("below", BELOW), ("inside", INSIDE), ("stuck", NO_TRAINING)):
            some = own[own["reading"] == reading]
            found |= {f"{name}s_{key}": len(some), f"{name}s_{key}_names": listed(some, name == "choice")}
        found |= {f"{name}s": len(own), f"{name}s_by_chance": ALPHA * len(own), f"{name}_band": own["half"].max()}
    return found


def listed(rows: pd.DataFrame, factors: bool) -> str:
    """The rows' names and differences in words; "none" where there is no row."""
    names = rows["group"] + ": " + rows["label"] if factors else rows["label"]
    tails = ["" if pd.isna(d) else f" ({d:+.3f})" for d in rows["difference"]]
    return ", ".join(f"{name}{tail}" for name, tail in zip(names, tails, strict=True)) or "none"


def of_labels(labels: pd.DataFrame, shares: pd.DataFrame, cosines: pd.DataFrame) -> Numbers:
    """What attributes, photographs and conflicts amount to.

    Args:
        labels, shares: the tables `labels` and `data_share`, from `exploration.explore`.
        cosines: from `gradient_conflict.mean_cosines`.
    """
    lines, fewer = labels.set_index("row"), shares.set_index("row")
    missing, wrong = lines.loc["missing100"], lines.loc["wrong100"]
    found: Numbers = {"no_attributes": missing["difference"], "wrong_attributes": wrong["difference"]}
    found |= {"labels_band": missing["half"], "wrong_beside_missing": wrong["value"] - missing["value"]}
    found |= {"two_seeds_band": missing["half"] * (2 / (1 + 1 / lines.loc["full", "seeds"])) ** 0.5}
    found |= {"fewest": fewer.loc["full_5", "difference"], "fewest_alone": fewer.loc["D_LSM_5", "difference"]}
    below = shares[shares["reading"] == BELOW]
    found["fewer_below"] = listed(below, True)
    found["watched_seeds"] = int(cosines["seeds"].min())
    found |= {"least_cosine": cosines["cosine"].min(), "least_pair": _words(cosines.loc[cosines["cosine"].idxmin()])}
    return found


def of_verdicts(drawn: pd.DataFrame, real: pd.DataFrame) -> Numbers:
    """How many claims have which verdict, and which.

    Args:
        drawn, real: from `verdicts.judge` and `verdicts.judge_real`.
    """
    found: Numbers = {}
    for name, table in (("drawn", drawn), ("real", real)):
        found[f"{name}_claims"] = len(table)
        for key, verdict in (
            ("held", SUPPORTED),
            ("not_shown", NOT_SHOWN),
            ("contradicted", CONTRADICTED),
            ("untested", NOT_TESTED),
        ):
            claims = table.loc[table["verdict"] == verdict, "claim"]
            found |= {f"{name}_{key}": len(claims), f"{name}_{key}_claims": "; ".join(claims) or "none"}
    return found | answers(drawn)


def _words(line: pd.Series) -> str:
    return f"{line['pair'].replace('_', ' ').replace('/', ' and ')}, {line['model']}"
