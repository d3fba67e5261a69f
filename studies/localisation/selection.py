"""Selection of patches by attention beside an oracle, segmentation, chance and place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.comparisons import ONE_SEED
from dermimit.evaluate.estimate import NOT_RUN, corrected_verdict, estimate, p_text
from dermimit.evaluate.resampling import patient_draws, percentile_interval
from dermimit.records import read_json
from studies.shared.evidence import Evidence, read_evidence
from studies.shared.paths import PUBLISHED

BLIND = ("random_patches", "centre_patches", "k64")
"""Rows of the table `choices` that select without looking; one seed each, for what they select and cost."""
CONTROLS = ("full_random", "full_centre", "full_all")
"""The same choices in the table `controls`, with the ablation's budget and seeds: for what the choice adds."""
INFORMED = ("oracle", "unet", "mask_rcnn")
"""Rows of the table `selection`, which select by a mask."""
SELECTORS = {
    "full": "attention (LSM)", "oracle": "true mask (oracle)", "unet": "U-Net", "mask_rcnn": "Mask R-CNN",
    "random_patches": "chance", "centre_patches": "centre", "k64": "all 64 patches",
}  # fmt: skip
CHOOSERS = SELECTORS | {"full_random": "chance", "full_centre": "centre", "full_all": "all 64 patches"}


def read_selection(root: Path) -> Evidence:
    """The published runs that differ in who selects the patches; `full` is the reference.

    Args:
        root: the project's folder.
    """
    chosen, choices = read_evidence(root, "selection"), read_evidence(root, "choices")
    blind = choices.experiments[choices.experiments["row"].isin(BLIND)]
    runs = choices.records[choices.records["row"].isin(BLIND)]
    experiments = pd.concat([chosen.experiments, blind], ignore_index=True)
    experiments = experiments.assign(label=experiments["row"].map(SELECTORS))
    records = pd.concat([chosen.records, runs], ignore_index=True)
    return Evidence(experiments, records, chosen.label_space, (*chosen.own, *blind["row"]), chosen.seeds)


def covered(shares: pd.DataFrame, resamples: int = 2000) -> dict[str, float]:
    """Means of `on_lesion` (selected_patches) with 95 % intervals by patient: each score, with `_low` and `_high`."""
    draws, line = patient_draws(shares["patient_id"], resamples), {"photographs": len(shares)}
    for name in ("precision", "recall", "chance"):
        low, high = percentile_interval(draws.means(shares[[name]].to_numpy())[0])
        line |= {name: float(shares[name].mean()), f"{name}_low": low, f"{name}_high": high}
    return line


def selection_table(evidence: Evidence, root: Path) -> pd.DataFrame:
    """A line for each way of selecting: disease, localisation, what it costs; text.

    Args:
        evidence: from `read_selection`.
        root: the project's folder, for the records of the segmentation networks and of what was selected.
    """
    compared = evidence.against("full").set_index("row")
    folder = root / PUBLISHED
    path = folder / "localisation/selection.json"
    shares: Mapping[str, Any] = read_json(path)["rows"] if path.is_file() else {}
    lines = []
    for row, label in SELECTORS.items():
        line = dict.fromkeys(("macro-F1", "seeds", "difference (95 %)", "p (t, Holm)"), NOT_RUN)
        line |= {"selected by": label}
        if row in compared.index:
            there = compared.loc[row].to_dict()
            line["seeds"] = int(there["paired"] or there["seeds"])
            line["macro-F1"] = f"{there['value']:.3f}" + (f" ± {there['sd']:.3f}" if there["seeds"] > 1 else "")
            line["difference (95 %)"] = "–" if row == "full" else estimate(there, "difference").signed()
            line["p (t, Holm)"] = "–" if row == "full" else p_text(there["p_holm"]) if there["paired"] > 1 else ONE_SEED
        for name in ("precision", "recall"):
            line[f"{name} (95 %)"] = estimate(shares[row], name).plain(2) if row in shares else NOT_RUN
        lines.append(line | _cost(folder / f"segmentation/{row}.json", shares.get(row)))
    return pd.DataFrame(lines).set_index("selected by").reset_index()


def choices_table(informed: Evidence, controlled: Evidence) -> pd.DataFrame:
    """Macro-F1 of choices that do not look, and of choices that know outlines, minus that of attention; text.

    Args:
        informed: from `read_selection`.
        controlled: from `evidence.with_controls`.
    """
    lines = []
    for of, rows, budget in ((controlled, CONTROLS, "the ablation's"), (informed, INFORMED, "half of it")):
        compared = of.against("full").set_index("row")
        for row in rows:
            line = {"patches chosen by": CHOOSERS[row], "budget": budget}
            line |= dict.fromkeys(("seeds", "minus attention (95 %)", "p (t, Holm)", "than attention"), NOT_RUN)
            if row in compared.index:
                there = compared.loc[row].to_dict()
                line |= {"seeds": int(there["paired"]), "p (t, Holm)": p_text(there["p_holm"])}
                line["minus attention (95 %)"] = estimate(there, "difference").signed()
                line["than attention"] = corrected_verdict(there["difference"], there["p_holm"])
            lines.append(line)
    return pd.DataFrame(lines)


def _cost(path: Path, share: Mapping[str, Any] | None) -> dict[str, str]:
    """Parameters and time of the model, with those of the network that outlines for it."""
    if share is None:
        return {"parameters (M)": NOT_RUN, "ms a photograph": NOT_RUN}
    outlines = read_json(path)["parameters"] if path.is_file() else 0
    seconds = share["seconds_a_photograph"] + share.get("outline_seconds", 0)
    return {
        "parameters (M)": f"{(share['parameters'] + outlines) / 1e6:.2f}",
        "ms a photograph": f"{1000 * seconds:.1f}",
    }


def outlines_table(root: Path) -> pd.DataFrame:
    """A line for each segmentation network: how well its outlines fit the masks of the test photographs; text."""
    lines = []
    for row in ("unet", "mask_rcnn"):
        path = root / PUBLISHED / f"segmentation/{row}.json"
        if path.is_file():
            record = read_json(path)
            iou = estimate(record, "iou").plain(2)
            line = {
                "network": SELECTORS[row],
                "IoU with the mask (95 %)": iou,
                "nothing found": f"{record['missed']:.0%}",
            }
            line |= {
                "parameters (M)": f"{record['parameters'] / 1e6:.2f}",
                "photographs seen": f"{record['samples']:,}",
            }
            lines.append(line | {"training (min)": f"{record['train_seconds'] / 60:.0f}"})
    return pd.DataFrame(lines)
