"""The numbers, tables and sentences of the page on the two datasets: none is written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermimit.data.facts import info
from dermimit.evaluate.estimate import minus

Record = Mapping[str, Any]
DISEASES = {
    "BCC": "basal cell carcinoma",
    "ACK": "actinic keratosis",
    "NEV": "naevus",
    "SEK": "seborrhoeic keratosis",
    "SCC": "squamous cell carcinoma",
    "MEL": "melanoma",
}
CANCERS = ("BCC", "SCC", "MEL")
SKIN = {"I and II": (1, 2), "III and IV": (3, 4), "V and VI": (5, 6)}
SHORTCUTS = {
    "majority": "most frequent disease",
    "nuisance": "framing and light alone",
    "thumbnail": "thumbnail, 8 × 8 pixels",
    "histogram": "colours alone",
}
MODELS = {
    "nearest thumbnail": "nearest thumbnail",
    "colour and texture": "colour model",
    "DermImit, small, from scratch": "small network",
}
SEVERAL = "with others of the same patient"


def ladder_table(ceilings: Record, shortcuts: Record, reached: Record) -> pd.DataFrame:
    """Who reaches which macro-F1 in the regime plain, in percent, with 95 % intervals.

    Args:
        ceilings, shortcuts, reached: records of results/published/synderm_checks.
    """
    tried = {row["model"]: row for row in shortcuts["table"]}
    lines = [
        (label, "shortcut", *(tried[name][f"macro_f1{end}"] for end in ("", "_low", "_high")))
        for name, label in SHORTCUTS.items()
    ]
    last = reached["curve"][-1]
    lines.append(("larger network, 64 pixels", "network", *(last[f"macro_f1{end}"] for end in ("", "_low", "_high"))))
    exact = next(row["exact"] for row in ceilings["table"] if row["regime"] == "plain")
    half = 1.96 * exact["macro_f1_standard_error"]
    lines.append(
        ("Bayes-optimal classifier", "bound", exact["macro_f1"], exact["macro_f1"] - half, exact["macro_f1"] + half)
    )
    table = pd.DataFrame(lines, columns=["who", "kind", "value", "low", "high"])
    return table.assign(**{name: 100 * table[name] for name in ("value", "low", "high")})


def apart_table(version_3: Record, version_4: Record) -> pd.DataFrame:
    """How well a linear classifier tells synthetic from real images, in percent, with 95 % intervals."""
    real, third, fourth = version_3["told_apart"][0], version_3["told_apart"][1], version_4["told_apart"][1]
    rows = {"real from real": real, "version 3 from real": third, "version 4 from real": fourth}
    return pd.DataFrame(
        [
            {"set": name, "value": 100 * r["accuracy"], "low": 100 * r["low"], "high": 100 * r["high"]}
            for name, r in rows.items()
        ]
    )


def photographs_table(counts: Record) -> pd.DataFrame:
    """Photographs of PAD-UFES-20 by disease, commonest first, and group of Fitzpatrick types."""
    rows = {}
    for code, by_type in counts["disease_by_skin_type"].items():
        known = {name: sum(by_type[f"type {t}"] for t in types) for name, types in SKIN.items()}
        rows[DISEASES[code]] = known | {"not recorded": by_type["not recorded"]}
    table = pd.DataFrame(rows).T
    return table.loc[table.sum(axis=1).sort_values(ascending=False).index]


def missing_shares(missing: Record, answer: str = "fitspatrick") -> dict[str, float]:
    """Disease -> share of photographs without an answer, in percent, the cancers first.

    Args:
        missing: record of the missing answers.
        answer: column of the dataset.
    """
    order = sorted(missing["shares"], key=lambda code: (code not in CANCERS, DISEASES[code]))
    return {DISEASES[code]: 100 * missing["shares"][code][answer] for code in order}


def leakage_gains(leakage: Record, metric: str = "macro-F1") -> pd.DataFrame:
    """What folds by image add to folds by patient, in points, a line a model and set of photographs."""
    rows = [r for r in leakage["table"] if r["metric"] == metric and r["score"] == "difference"]
    return pd.DataFrame(
        {
            "model": [MODELS[r["model"]] for r in rows],
            "several": [r["photographs"] == SEVERAL for r in rows],
            "who": [
                MODELS[r["model"]] + (",\nseveral photographs" if r["photographs"] == SEVERAL else "") for r in rows
            ],
            **{name: [100 * r[name] for r in rows] for name in ("value", "low", "high")},
        }
    )


def leakage_sentence(gains: pd.DataFrame) -> str:
    """What folds by image do to the score of each model over all photographs, by its interval."""
    parts, open_ones = [], []
    for row in gains[~gains["several"]].itertuples():
        if row.low <= 0 <= row.high:
            open_ones.append(f"the {row.model}")
            continue
        verb = "rises" if row.low > 0 else "falls"
        interval = f"(95 % CI {row.low:.1f} to {row.high:.1f})"
        parts.append(f"The score of the {row.model} {verb} by {abs(row.value):.1f} points {interval}.")
    if open_ones:
        parts.append(f"For {' and '.join(open_ones)} the change is inconclusive.")
    return minus(" ".join(parts))


def compared(counts: Record, ceiling: float) -> pd.DataFrame:
    """The two datasets side by side, as text.

    Args:
        counts: of the photographs that were available.
        ceiling: macro-F1 of the Bayes-optimal classifier, in percent.
    """
    drawn, real = info("synderm").official, info("pad_ufes_20").official
    lines = {
        "images": ("as many as you draw", f"{real['images']:,}; this book has {counts['photographs']:,}"),
        "patients": ("none", f"{real['patients']:,}; this book has {counts['patients']:,}"),
        "diseases": (drawn["diseases"], real["diseases"]),
        "body parts": (drawn["body_parts"], real["body_parts"]),
        "attributes": (f"{drawn['attributes']} visible signs", f"{real['attributes']}, most of them symptoms"),
        "labels": ("known without error", "by a doctor; cancers by biopsy"),
        "Bayes-optimal macro-F1": (f"{ceiling:.1f} %", "unknown"),
    }
    return pd.DataFrame([{"": name, "SynDerm-49": str(a), "PAD-UFES-20": str(b)} for name, (a, b) in lines.items()])


def of_page(records: Mapping[str, Record]) -> dict[str, float | str]:
    """What the page quotes; percent and points.

    Args:
        records: by name: ceilings, shortcuts_plain, reached_plain, realism, realism_plain, cases, counts, missingness,
            leakage.
    """
    reach = ladder_table(records["ceilings"], records["shortcuts_plain"], records["reached_plain"]).set_index("who")
    apart = apart_table(records["realism"], records["realism_plain"]).set_index("set")
    counts, gains = records["counts"], leakage_gains(records["leakage"])
    told = {row["measure"]: row for row in records["missingness"]["told"]}["AUROC, cancer or not"]
    area = {row["regime"]: row["area"] for row in records["cases"]["table"]}
    exact = {row["regime"]: row for row in records["ceilings"]["table"]}["interaction=1"]
    photos = photographs_table(counts)
    first = gains.iloc[0]
    return {
        "best": reach.loc["Bayes-optimal classifier", "value"],
        "network": reach.loc["larger network, 64 pixels", "value"],
        "colours": reach.loc["colours alone", "value"],
        "framing": reach.loc["framing and light alone", "value"],
        "apart": apart.loc["version 4 from real", "value"],
        "apart_low": apart.loc["version 4 from real", "low"],
        "apart_high": apart.loc["version 4 from real", "high"],
        "apart_before": apart.loc["version 3 from real", "value"],
        "joint": 100 * exact["exact"]["accuracy"],
        "additive": 100 * exact["additive"]["best"]["accuracy"],
        "small_area": 100 * area["small"]["q50"],
        "plain_area": 100 * area["plain"]["q50"],
        "photographs": counts["photographs"],
        "patients": counts["patients"],
        "melanomas": photos.loc["melanoma"].sum(),
        "melanoma_step": 100 / photos.loc["melanoma"].sum(),
        "dark": photos["V and VI"].sum(),
        "cancer_auroc": told["value"],
        "cancer_low": told["low"],
        "cancer_high": told["high"],
        "thumbnail_gain": first["value"],
        "leakage": leakage_sentence(gains),
    }


def leakage_full(leakage: Record) -> pd.DataFrame:
    """Every score with folds by patient and by image, and their difference, as the record has them, 0 to 1."""
    return pd.DataFrame(leakage["table"])
