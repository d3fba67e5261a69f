"""Attention minus choices of patches that ignore the lesion, and outlines minus attention, judged by one rule."""

from __future__ import annotations

import pandas as pd

from studies.shared.evidence import Evidence
from studies.shared.verdict_words import by_rule

CONTROLS = {
    ("D_LSM", "D_random"): "attention − random, disease only",
    ("full", "full_random"): "attention − random, three tasks",
    ("full", "full_centre"): "attention − centre, three tasks",
    ("D_LSM", "D_all"): "attention − all 64, disease only",
    ("full", "full_all"): "attention − all 64, three tasks",
}
"""(row, reference) of a claim -> the two choices, the second subtracted from the first."""
INFORMED = {
    "mask_rcnn": "Mask R-CNN's outline − attention",
    "unet": "U-Net's outline − attention",
    "oracle": "true outline − attention",
}
"""Rows that know an outline, minus attention; trained with half the budget of the controls."""
SHORT = {"ViT-S/14, trunk frozen": "ViT-S/14 frozen", "ViT-S/14, fine-tuned at 112 pixels": "ViT-S/14 fine-tuned"}
VARIANTS = {"D_random": "random", "D_all": "all"}
COLUMNS = ["label", "seeds", "difference", "low", "high", "p_holm", "verdict"]


def controls(judged: pd.DataFrame) -> pd.DataFrame:
    """Attention minus choices that do not look; p is corrected over all claims of the first edition.

    Args:
        judged: all claims, with the codes of their rows in `row` and `reference`.

    Returns:
        columns `COLUMNS`, scores in [0, 1], in the order of `CONTROLS`.
    """
    found = judged.set_index(["row", "reference"]).loc[list(CONTROLS)]
    return found.assign(label=list(CONTROLS.values()))[COLUMNS].reset_index(drop=True)


def informed(evidence: Evidence) -> pd.DataFrame:
    """Choices that know an outline minus attention; p is corrected over those.

    Args:
        evidence: `evidence.read_evidence` of the table `selection`.

    Returns:
        as `controls`.
    """
    found = evidence.against("full").set_index("row").loc[list(INFORMED)]
    table = pd.DataFrame(
        {
            "label": list(INFORMED.values()),
            "seeds": found["paired"].to_numpy(),
            "difference": found["difference"].to_numpy(),
            "low": found["difference_low"].to_numpy(),
            "high": found["difference_high"].to_numpy(),
            "p_holm": found["p_holm"].to_numpy(),
        }
    )
    return table.assign(verdict=by_rule(*(table[name] for name in ("difference", "p_holm", "seeds", "low", "high"))))


def real(judged: pd.DataFrame) -> pd.DataFrame:
    """Attention minus choices that do not look, on real photographs, for each backbone that has run.

    Args:
        judged: every difference between variants of the backbones, with `row, reference, family`; p is corrected within
            the family.

    Returns:
        as `controls`, and a column `backbone`.
    """
    variant = judged["row"].str.split("_", n=1).str[1]
    reference = judged["reference"].str.split("_", n=1).str[1]
    wanted = (variant == "D_LSM") & reference.isin(VARIANTS) & (judged["seeds"] > 0)
    table = judged[wanted]
    labels = [
        f"real: attention − {VARIANTS[what]}, {SHORT.get(family, family)}"
        for what, family in zip(reference[wanted], table["family"], strict=True)
    ]
    table = table.assign(label=labels, backbone=table["family"])
    return table[[*COLUMNS, "backbone"]].reset_index(drop=True)
