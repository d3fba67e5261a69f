"""What attention-based selection is worth beside an oracle, segmentation, chance and place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.comparisons import ONE_SEED
from dermimit.evaluate.estimate import (
    NOT_RUN,
    Estimate,
    p_text,
)
from dermimit.evaluate.resampling import patient_draws, percentile_interval
from dermimit.records import read_json
from studies.shared.evidence import (
    Evidence,
    read_evidence,
)
from studies.shared.paths import PUBLISHED

BLIND = ("random_patches", "centre_patches", "k64")
"""Rows of the table `choices` that select without looking; one seed each, for what they select and cost."""
CONTROLS = ("full_random", "full_centre", "full_all")
"""The same choices in the table `controls`, with the ablation's budget and seeds: what the choice is worth."""
INFORMED = ("oracle", "unet", "mask_rcnn")
"""Rows of the table `selection`, which select by a mask."""
SELECTORS = {
    "full": "attention (LSM)", "oracle": "true mask (oracle)", "unet": "U-Net", "mask_rcnn": "Mask R-CNN",
    "random_patches": "chance", "centre_patches": "centre", "k64": "all 64 patches",
}  # fmt: skip


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


def covered(found: pd.DataFrame, resamples: int = 2000) -> dict[str, float]:
    """Means of `on_lesion` (selected_patches) with 95 % intervals by patient: each score, with `_low` and `_high`."""
    draws, line = patient_draws(found["patient_id"], resamples), {"photographs": len(found)}
    for name in ("precision", "recall", "chance"):
        low, high = percentile_interval(draws.means(found[[name]].to_numpy())[0])
        line |= {name: float(found[name].mean()), f"{name}_low": low, f"{name}_high": high}
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
            there = compared.loc[row]
            ends = there[["difference", "difference_low", "difference_high"]]
            line["seeds"] = int(there["paired"] or there["seeds"])
            line["macro-F1"] = f"{there['value']:.3f}" + (f" ± {there['sd']:.3f}" if there["seeds"] > 1 else "")
            line["difference (95 %)"] = "–" if row == "full" else Estimate(*ends).signed()
            line["p (t, Holm)"] = "–" if row == "full" else p_text(there["p_holm"]) if there["paired"] > 1 else ONE_SEED
        for name in ("precision", "recall"):
            found = shares.get(row)
            ends = [found[name], found[f"{name}_low"], found[f"{name}_high"]] if found else []
            line[f"{name} (95 %)"] = "{:.2f} ({:.2f} to {:.2f})".format(*ends) if ends else NOT_RUN
        lines.append(line | _cost(folder / f"segmentation/{row}.json", shares.get(row)))
    return pd.DataFrame(lines).set_index("selected by").reset_index()


def worth_text(informed: Evidence, controlled: Evidence) -> str:
    """What attention's choice is worth beside choices that do not look, and what better choices would add; in words.

    Args:
        informed: from `read_selection`.
        controlled: from `evidence.with_controls`.
    """

    def told(found: pd.DataFrame, rows: tuple[str, ...], names: Mapping[str, str]) -> str:
        known = [row for row in rows if row in found.index]
        ends = found.loc[known, ["difference", "difference_low", "difference_high"]].to_numpy()
        return (
            ", ".join(f"{names[row]} {Estimate(*line).signed()}" for row, line in zip(known, ends, strict=True))
            or NOT_RUN
        )

    blind, better = controlled.against("full").set_index("row"), informed.against("full").set_index("row")
    there = blind.loc[[row for row in CONTROLS if row in blind.index]]
    shown = there[(there["p_holm"] < 0.05) & (there["difference"] < 0)]
    if there.empty:
        worth = NOT_RUN
    elif len(shown) == len(there):
        worth = "attention's choice is better than each of them"
    elif len(shown):
        worth = f"attention's choice is shown to be better than {', '.join(shown['label'])}, and than no other"
    else:
        worth = "attention's choice is **not shown** to be better than any of them"
    seeds = int(there["paired"].min()) if len(there) else 0
    known = better.loc[[row for row in INFORMED if row in better.index]]
    up = (
        ", ".join(SELECTORS[row] for row in known.index[(known["p_holm"] < 0.05) & (known["difference"] > 0)]) or "none"
    )
    return (
        "**What the choice is worth.** Macro-F1 of a choice that does not look, minus that of attention, with the "
        f"ablation's budget and {seeds} seeds: {told(blind, CONTROLS, blind['label'])}; {worth}. "
        "**What choices that know outlines add**, with half the budget and 3 seeds: "
        f"{told(better, INFORMED, SELECTORS)}; shown, p corrected: {up}."
    )


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
            found = read_json(path)
            iou = f"{found['iou']:.2f} ({found['iou_low']:.2f} to {found['iou_high']:.2f})"
            line = {
                "network": SELECTORS[row],
                "IoU with the mask (95 %)": iou,
                "nothing found": f"{found['missed']:.0%}",
            }
            line |= {"parameters (M)": f"{found['parameters'] / 1e6:.2f}", "photographs seen": f"{found['samples']:,}"}
            lines.append(line | {"training (min)": f"{found['train_seconds'] / 60:.0f}"})
    return pd.DataFrame(lines)
