"""Counts of SkinCon concepts by disease, as `dermimit/data/synderm/knowledge.yaml` holds them.

Reads the SkinCon concept table (Daneshjou et al. 2022) joined with the labels of Fitzpatrick17k (Groh et al. 2021).
Only the counts belong in the repository, never a row of the table.

Run: python -m studies.synderm_checks.measure_skincon TABLE.csv [--check]
"""

import sys
from pathlib import Path

import pandas as pd
import tyro
import yaml

from studies.shared.paths import ROOT

KNOWLEDGE = ROOT / "dermimit/data/synderm/knowledge.yaml"
REJECTED = "Do not consider this image"

# Our attribute -> SkinCon concept. SkinCon has no counterpart of `annular`.
CONCEPTS = {
    "papule": "Papule",
    "plaque": "Plaque",
    "nodule": "Nodule",
    "vesicle": "Vesicle",
    "bulla": "Bulla",
    "pustule": "Pustule",
    "wheal": "Wheal",
    "comedo": "Comedo",
    "ulcer": "Ulcer",
    "macule": "Macule",
    "patch": "Patch",
    "hyperpigmentation": "Brown(Hyperpigmentation)",
    "hypopigmentation": "White(Hypopigmentation)",
    "black_pigment": "Black",
    "purpura": "Purpura/Petechiae",
    "erythema": "Erythema",
    "umbilication": "Umbilicated",
    "warty": "Warty/Papillomatous",
    "erosion": "Erosion",
    "crust": "Crust",
    "scale": "Scale",
    "fissure": "Fissure",
    "excoriation": "Excoriation",
    "lichenification": "Lichenification",
    "scar": "Scar",
    "telangiectasia": "Telangiectasia",
}

# Our disease -> labels of Fitzpatrick17k of the same meaning or a subtype. We take "psoriasis" for plaque psoriasis
# and "neurodermatitis" for lichen simplex chronicus; some images may show another form. Labels that mix diseases
# ("eczema", "nematode infection") or name a near relative ("pilar cyst", "fixed eruptions", "halo nevus") are left out.
LABELS = {
    "acne vulgaris": ["acne vulgaris", "acne"],
    "rosacea": ["rosacea"],
    "seborrhoeic dermatitis": ["seborrheic dermatitis"],
    "contact dermatitis": ["allergic contact dermatitis"],
    "dyshidrotic eczema": ["dyshidrotic eczema"],
    "lichen simplex chronicus": ["lichen simplex", "neurodermatitis"],
    "prurigo nodularis": ["prurigo nodularis"],
    "plaque psoriasis": ["psoriasis"],
    "lichen planus": ["lichen planus"],
    "pityriasis rosea": ["pityriasis rosea"],
    "folliculitis": ["folliculitis"],
    "scabies": ["scabies"],
    "urticaria": ["urticaria"],
    "insect bite": ["tick bite"],
    "drug eruption": ["drug eruption"],
    "vitiligo": ["vitiligo"],
    "actinic keratosis": ["actinic keratosis"],
    "basal cell carcinoma": [
        "basal cell carcinoma",
        "basal cell carcinoma morpheiform",
        "solid cystic basal cell carcinoma",
    ],
    "squamous cell carcinoma": ["squamous cell carcinoma"],
    "melanoma": ["melanoma", "malignant melanoma", "superficial spreading melanoma ssm", "lentigo maligna"],
    "melanocytic naevus": ["nevocytic nevus", "congenital nevus"],
    "seborrhoeic keratosis": ["seborrheic keratosis"],
    "keloid": ["keloid"],
    "granuloma annulare": ["granuloma annulare"],
}


def annotated(table: Path) -> pd.DataFrame:
    """Rows of `table` that an annotator looked at and did not reject.

    Raises:
        SystemExit: the file or a column is missing.
    """
    if not table.is_file():
        raise SystemExit(f"skincon_counts: no file {table}; give the SkinCon table joined with Fitzpatrick17k labels")
    frame = pd.read_csv(table)
    missing = sorted({"ImageID", "label", REJECTED, *CONCEPTS.values()} - set(frame.columns))
    if missing:
        raise SystemExit(f"skincon_counts: {table}: no column {missing}; join SkinCon with Fitzpatrick17k by image")
    return frame[frame["ImageID"].notna() & (frame[REJECTED] != 1)]


def count(frame: pd.DataFrame, least: int) -> dict[str, dict[str, int]]:
    """Images `n` and images showing each attribute, for the diseases with at least `least` images; 0 is left out."""
    counts = {}
    for disease, labels in LABELS.items():
        rows = frame[frame["label"].isin(labels)]
        if len(rows) >= least:
            shown = {a: int((rows[c] == 1).sum()) for a, c in CONCEPTS.items()}
            counts[disease] = {"n": len(rows), **{a: k for a, k in shown.items() if k}}
    return counts


def differences(counts: dict[str, dict[str, int]], diseases: dict[str, dict]) -> list[str]:
    """One line for each disease whose counts in the knowledge file are not `counts`."""
    held = {name: row["skincon"] for name, row in diseases.items() if "skincon" in row}
    names = sorted(counts.keys() | held.keys())
    return [f"{d}: table {counts.get(d)}, file {held.get(d)}" for d in names if counts.get(d) != held.get(d)]


def main(table: Path, /, check: bool = False) -> None:
    """Print the counts of a SkinCon table in the form of knowledge.yaml.

    Args:
        table: CSV of SkinCon concepts with a `label` column of Fitzpatrick17k.
        check: compare with knowledge.yaml instead; exit 1 on a difference.
    """
    knowledge = yaml.safe_load(KNOWLEDGE.read_text("utf-8"))
    counts = count(annotated(table), knowledge["skincon"]["least_images"])
    if not check:
        for disease, row in counts.items():
            print(f"{disease}:\n    skincon: {{{', '.join(f'{a}: {k}' for a, k in row.items())}}}")
        return
    found = differences(counts, knowledge["diseases"])
    print("\n".join(found) or f"knowledge.yaml holds the counts of {table.name}: {len(counts)} diseases")
    sys.exit(bool(found))


if __name__ == "__main__":
    tyro.cli(main)
