"""The regimes of SynDerm-49 as tables for people: what can be won, what a network reaches, what a crop shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.synderm import noise_table, read_regime
from dermimit.evaluate.estimate import Estimate
from dermimit.explain.style import pretty
from dermimit.records import read_json

Record = Mapping[str, Any]
NOT_TRAINED = "not trained"
READ = {"body_part": "body part", "attributes": "attribute"}
CLASSIFIERS = {
    "majority": "most frequent disease", "nuisance_permuted": "framing and light, labels shuffled",
    "nuisance": "framing and light (boosted trees)", "thumbnail": "thumbnail of 8 × 8 pixels (nearest neighbours)",
    "histogram": "colour histogram (logistic regression)", "vit_disease": "small network, disease only",
    "vit_full": "small network, full model", "ceiling": "Bayes-optimal classifier",
}  # fmt: skip
"""Model of the records of shortcuts -> its name for people."""
OF_LABELS = {
    "commonest disease": "most frequent disease", "additive, maximum likelihood": "additive, maximum likelihood",
    "additive, best": "additive, best known", "additive, upper bound": "additive, upper bound",
    "linear": "linear model", "two layers": "network with one hidden layer", "exact": "Bayes-optimal classifier",
}  # fmt: skip
"""Reader of the true labels -> its name for people."""


def read_reached(folder: Path) -> dict[str, Record]:
    """The records of measure_reached by regime, as far as they are there."""
    found = (read_json(path) for path in sorted(folder.glob("reached_*.json")))
    return {record["settings"]["regime"]: record for record in found}


def same(regime: str) -> str:
    """One spelling of a regime."""
    return str(read_regime(regime))


def ceilings_table(ceilings: Record, reached: Mapping[str, Record]) -> pd.DataFrame:
    """Chance, additive, reached and exact, a line a regime: accuracy, and macro-F1 of the last two.

    Args:
        ceilings: from measure_regimes.
        reached: from `read_reached`.
    """
    there, lines = {same(regime): record for regime, record in reached.items()}, []
    for row in ceilings["table"]:
        exact, added, known = row["exact"], row["additive"], there.get(same(row["regime"]))
        last = known["curve"][-1] if known else None
        lines.append(
            {
                "regime": row["regime"],
                "commonest disease": row["chance"],
                "additive, maximum likelihood": added["likelihood"]["accuracy"],
                "additive, best known": added["best"]["accuracy"],
                "additive, upper bound": added["bound"],
                "reached": f"{last['accuracy']:.3f}" if last else NOT_TRAINED,
                "exact": exact["accuracy"],
                "reached, macro-F1": reached_text(last) if last else NOT_TRAINED,
                "exact, macro-F1": exact["macro_f1"],
            }
        )
    return pd.DataFrame(lines)


def reached_text(row: Record) -> str:
    """Macro-F1 of a network with its bootstrap interval."""
    return Estimate(row["macro_f1"], row["macro_f1_low"], row["macro_f1_high"]).plain()


def curve_table(reached: Mapping[str, Record]) -> pd.DataFrame:
    """What a longer training of the network adds, a line a training."""
    lines = []
    for regime, record in reached.items():
        for row in record["curve"]:
            lines.append(
                {
                    "regime": regime,
                    "training images seen": f"{row['photographs']:,}",
                    "macro-F1 (95 %)": reached_text(row),
                }
                | {"accuracy": row["accuracy"], "body part": row["body_part_accuracy"]}
            )
    return pd.DataFrame(lines)


def readers_table(readers: Record) -> pd.DataFrame:
    """What reads the true labels, and how well, a line a reader and a column a regime."""
    table = pd.DataFrame(readers["table"])
    order = list(dict.fromkeys(table["reader"]))
    wide = table.pivot(index="reader", columns="regime", values="accuracy").loc[order].rename(index=OF_LABELS)
    wide = wide[list(dict.fromkeys(table["regime"]))].rename_axis(columns=None)
    return wide.rename_axis("classifier of the true labels").reset_index()


def crops_table(crops: Record) -> pd.DataFrame:
    """Accuracy of readers of a crop: a line a regime, side and knowledge of the body part."""
    table = pd.DataFrame(crops["table"])
    lines = []
    for (regime, side, known), part in table.groupby(["regime", "side", "body_part"], sort=False):
        accuracy = part.set_index("crop")["accuracy"]
        names = {place: "whole image" if place == "whole" else f"crop: {place}" for place in accuracy.index}
        lines.append({"regime": regime, "side of the crop (%)": f"{100 * side:.0f}"}
                     | {"body part": "known" if known else "not known"}
                     | {name: accuracy[place] for place, name in names.items()}
                     | {"standard error, at most": part["mc_standard_error"].max()})  # fmt: skip
    return pd.DataFrame(lines)


def cases_table(cases: Record) -> pd.DataFrame:
    """The fresh test set of each regime."""
    lines = []
    for row in cases["table"]:
        low, high = (100 * row["area"][end] for end in ("q05", "q95"))
        lines.append({"regime": row["regime"], "cases": f"{row['cases']:,}"}
                     | {"cases of the rarest disease": row["least"]}
                     | {"lesion area, % of the image (5 % to 95 % quantile)": f"{low:.1f} to {high:.1f}"}
                     | {"minutes to generate": row["seconds"] / 60 if row["seconds"] else None}
                     | {"SHA-256 of the images": row["sha256"][:16]})  # fmt: skip
    return pd.DataFrame(lines)


def speed_table(speed: Record) -> pd.DataFrame:
    """Drawing at 64 pixels on one thread: photographs a second, and time beside the third version, taken in turn.

    Args:
        speed: of benchmarks/synderm_speed.py.
    """
    rows = pd.DataFrame(speed["regimes"])
    ratios = rows[["time_ratio_median", "time_ratio_min", "time_ratio_max"]].itertuples(index=False)
    return pd.DataFrame(
        {
            "regime": rows["regime"],
            "images per second": rows["images_per_second_cpu"].round().astype(int),
            "time relative to version 3": [f"{m:.2f} ({low:.2f} to {high:.2f})" for m, low, high in ratios],
        }
    )


def noise_rates(task: str) -> pd.DataFrame:
    """The table behind the regime `noisy`: agreement, and what follows from it, a line a class."""
    sources = noise_table()["sources"]
    lines = []
    for name, row in noise_table()[task].items():
        ours = ["our round figure"] if "ours" in row["from"] else []
        named = ours + [key for key in row["from"] if key in sources]
        lines.append({READ[task]: pretty(name), "agreement of two readers (κ)": row["kappa"]}
                     | {"replaced at random": 1 - row["kappa"] ** 0.5, "missing": row["missing"]}
                     | {"source": ", ".join(named)})  # fmt: skip
    return pd.DataFrame(lines)


def noise_sources() -> str:
    """The sources of `noise_rates`, as a list."""
    return "\n".join(f"- {key}: {text}" for key, text in noise_table()["sources"].items())


def shortcuts_table(records: Mapping[str, Record], score: str = "accuracy") -> pd.DataFrame:
    """What shortcuts reach, a line a classifier and a column a regime, with 95 % intervals."""
    columns: dict[str, dict[str, str]] = {}
    for regime, record in records.items():
        for row in record["table"]:
            value = Estimate(row[score], row[f"{score}_low"], row[f"{score}_high"])
            columns.setdefault(CLASSIFIERS[row["model"]], {})[regime] = value.plain()
    return pd.DataFrame(columns).T.rename_axis("classifier").reset_index().fillna(NOT_TRAINED)


def unreached(reached: Mapping[str, Record]) -> pd.DataFrame:
    """Attributes that the network of a regime finds hardest, and how well it finds them."""
    lines = []
    for regime, record in reached.items():
        for row in sorted(record["attributes"], key=lambda row: row["auroc"])[:6]:
            lines.append({"regime": regime, "attribute": pretty(row["attribute"]), "AUROC": row["auroc"],
                          "average precision": row["average_precision"], "frequency": row["share"]})  # fmt: skip
    return pd.DataFrame(lines)


def groups_table(groups: Sequence[Record]) -> pd.DataFrame:
    """The groups of the regime `interaction` or `groups`, with what the clinic knows of each and what is made up.

    Args:
        groups: as `interaction_groups` gives them.
    """
    fours = "findings" in groups[0]
    findings = [group.get("findings") or {group["finding"]: group["diseases"][:1]} for group in groups]
    shown = ["; ".join(_of_finding(name, first, fours) for name, first in found.items()) for found in findings]
    return pd.DataFrame(
        {
            "diseases": [" / ".join(map(pretty, group["diseases"])) for group in groups],
            "findings" if fours else "finding": shown,
            f"{'these diseases show' if fours else 'first disease shows'} it on": [
                ", ".join(map(pretty, group["here"])) for group in groups
            ],
            "known from the clinic": [group.get("known", "–") for group in groups],
            "made up": [group["constructed"] for group in groups],
        }
    )


def _of_finding(finding: str, first: Sequence[str], named: bool) -> str:
    """A finding, with the diseases that show it in the first set of body parts if they are to be named."""
    return f"{pretty(finding)} ({', '.join(map(pretty, first))})" if named else pretty(finding)


def realism_rows(records: Mapping[str, Record]) -> pd.DataFrame:
    """The measures of the real photographs and of the drawn framing of each version, for the charts of realism."""
    parts = []
    for version, record in records.items():
        table = pd.DataFrame(record["table"])
        real, drawn = list(dict.fromkeys(table["set"]))[:2]
        if not parts:
            parts.append(table[table["set"] == real].assign(set="real photographs"))
        parts.append(table[table["set"] == drawn].assign(set=f"synthetic, {version}"))
    return pd.concat(parts, ignore_index=True)


def realism_table(records: Mapping[str, Record]) -> pd.DataFrame:
    """How well a linear classifier tells sets of images from real photographs, a line for each set and version."""
    lines = []
    for version, record in records.items():
        for row in record["told_apart"]:
            own = row["set"].startswith("SynDerm")
            name = row["set"].replace("drawn framing", "its own framing") if own else "other real photographs"
            accuracy = Estimate(row["accuracy"], row["low"], row["high"]).plain()
            lines.append({"images": f"{name} ({version})" if own else name, "accuracy (95 %)": accuracy})
    return pd.DataFrame(lines).drop_duplicates("images", ignore_index=True)
