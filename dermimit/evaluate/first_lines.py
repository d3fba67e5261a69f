"""What the chapters on evidence, verdicts and failures say first: numbers and words from their records, to be glued."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.evaluate.evidence import Evidence
from dermimit.evaluate.failure_tables import SHORT
from dermimit.evaluate.significance import holm
from dermimit.evaluate.verdicts import CONTRADICTED, NOT_SHOWN, SUPPORTED

Numbers = dict[str, float | str]


def of_evidence(
    ablation: pd.DataFrame, choices: Evidence, rivals: Evidence, pairs: Sequence[Mapping[str, Any]]
) -> Numbers:
    """What parts, choices and rivals are worth.

    Args:
        ablation: differences from D, from `Evidence.against`.
        choices, rivals: the tables of these names.
        pairs: paired differences on real photographs, of `real_evidence.read_real_evidence`.
    """
    full = ablation.set_index("row").loc["full"]
    real = next(p for p in pairs if (p["row"], p["reference"]) == ("imagenet_full", "imagenet_D"))
    found: Numbers = {"real_p": float(holm(pd.Series([p["p"] for p in pairs]))[pairs.index(real)])}
    for name, line in (("full", full), ("real", real)):
        found |= {f"{name}{end}": float(line[f"difference{end}"]) for end in ("", "_low", "_high")}
    for name, table in (("choice", choices), ("rival", rivals)):
        against = table.against("full")
        changed = against[against["row"].isin(table.own)]
        shown = changed[changed["p_holm"] < 0.05]
        found |= {f"{name}s": len(changed), f"{name}s_below": int((shown["difference"] < 0).sum())}
        found |= {f"{name}s_above": int((shown["difference"] > 0).sum())}
        if name == "choice":
            worst = changed.loc[changed["difference"].idxmin()]
    return found | {"worst": f"{worst['group']}: {worst['label']}", "worst_by": float(worst["difference"])}


def of_labels(labels: Evidence, shares: Evidence, cosines: pd.DataFrame) -> Numbers:
    """What attributes, photographs and conflicts amount to.

    Args:
        labels, shares: the tables `labels` and `data_share`.
        cosines: from `gradient_conflict.mean_cosines`.
    """
    lines = labels.against("full").set_index("row")
    harmed = [row for row in labels.own if lines.loc[row, "p_holm"] < 0.05 and lines.loc[row, "difference"] < 0]
    fewer = shares.against("full").set_index("row")
    lost = [row for row in shares.own if row.startswith("full") and fewer.loc[row, "p_holm"] < 0.05]
    found: Numbers = {"no_attributes": lines.loc["missing100", "difference"]}
    found |= {"wrong_attributes": lines.loc["wrong100", "difference"]}
    found["harmed"] = ", ".join(lines.loc[row, "label"] for row in harmed) or "none"
    found["fewest"] = fewer.loc["full_5", "difference"]
    found["fewer_lost"] = ", ".join(fewer.loc[row, "label"] for row in lost) or "none"
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
        for key, verdict in (("held", SUPPORTED), ("not_shown", NOT_SHOWN), ("contradicted", CONTRADICTED)):
            claims = table.loc[table["verdict"] == verdict, "claim"].str.removeprefix("… ")
            found |= {f"{name}_{key}": len(claims), f"{name}_{key}_claims": "; ".join(claims) or "none"}
    return found


def _words(line: pd.Series) -> str:
    return f"{line['pair'].replace('_', ' ').replace('/', ' and ')}, {line['model']}"


def of_failures(taxonomy: Mapping[str, Any], ink: Mapping[str, Any]) -> Numbers:
    """What errors go with, whether they travel, and what ink does on real photographs."""
    found: Numbers = {}
    for name, line in (
        ("most", max(taxonomy["cases"]["full"], key=_ratio)),
        ("least", min(taxonomy["cases"]["full"], key=_ratio)),
    ):
        found |= {f"{name}_tag": SHORT[line["tag"]].removeprefix("· ")}
        found |= {f"{name}{end}": line[f"ratio{end}"] for end in ("", "_low", "_high")}
    for line in taxonomy["gaps"]:
        if line["row"] == "full":
            found |= {f"{line['gap']}_gap": 100 * line["value"], f"{line['gap']}_borrowed": 100 * line["borrowed"]}
            found |= {f"{line['gap']}_beyond{end}": 100 * line[f"beyond{end}"] for end in ("", "_low", "_high")}
    every = next(line for line in ink["counts"] if line["disease"] == "all")
    found |= {"ink_photographs": every["inked"], "ink_of": every["photographs"]}
    flips = ink["models"][0]["flips"]
    return found | {f"painted{end}": 100 * flips[f"difference{end}"] for end in ("", "_low", "_high")}


def _ratio(line: Mapping[str, Any]) -> float:
    return line["ratio"]
