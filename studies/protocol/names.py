"""Names for people of the models, regimes and experiments of the second edition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

MODELS = {
    "D": "Disease only", "D_all": "Disease only + all patches", "D_random": "Disease only + random patches",
    "D_centre": "Disease only + central patches", "D_LSM": "Disease only + lesion selection",
    "D_oracle": "Disease only + patches of the true outline",
    "D_B": "Disease + body part", "D_A": "Disease + attributes", "D_B_A": "Disease + body part + attributes",
    "D_B_A_LSM": "Three tasks + lesion selection, not joined", "D_B_A_CIM": "Full model, no patch tokens",
    "full": "Full model", "full_all": "Full model, all patches", "full_random": "Full model, random patches",
    "full_centre": "Full model, central patches", "full_oracle": "Full model, patches of the true outline",
    "concat": "Full model, concatenated", "wide": "Full model, concatenated with a hidden layer",
    "shuffled": "Full model, cross-attention to other images", "bottleneck": "Concept bottleneck",
    "D_long": "Disease only, trained again", "D_two": "Disease only, second loss",
}  # fmt: skip
"""Row of models.csv -> its name; rows that vary one of these take its name and add what they vary."""
CODES = {"D + B + A": MODELS["D_B_A"], "D + LSM": MODELS["D_LSM"], "D": MODELS["D"]}
"""Codes in the labels of other networks -> names."""
REGIMES = {"plain": "large lesions", "small": "small lesions", "noisy": "labels of an imperfect reader",
           "interaction=1": "findings that interact", "interaction=0": "findings that add up"}  # fmt: skip
EXPERIMENTS = {"trained_out": "longer training", "rivals": "other networks", "choices": "design choices",
               "tasks": "further tasks", "repeats": "repeats of the disease only"}  # fmt: skip


def model_name(line: Mapping[str, Any] | pd.Series) -> str:
    """The name of a model.

    Args:
        line: of models.csv, with `row`, `group` and `label`.
    """
    base, _, patches = str(line["row"]).partition("_k")
    if base in MODELS:
        return MODELS[base] + (f", {patches} patch{'' if patches == '1' else 'es'}" if patches else "")
    if str(line["row"]).startswith("c_"):
        return f"{MODELS['full']}, {line['group']}: {line['label']}"
    model, _, rate = str(line["label"]).partition(", learning rate ")
    kind = re.sub(r", D$", "", model)
    return f"{CODES.get(model, kind)}, learning rate {rate}"


def compared(line: Mapping[str, Any], models: pd.DataFrame) -> str:
    """The two models of a contrast and the images on which they are compared.

    Args:
        line: a contrast.
        models: from `runs.read_models`.
    """
    reference, _, elsewhere = line["reference"].partition("@")
    other = model_name(models.loc[reference]) + (f" ({REGIMES[elsewhere]})" if elsewhere else "")
    images = REGIMES[line["regime"]]
    if line["minus_regime"]:
        images = f"{images} minus {REGIMES[line['minus_regime']]}"
    model, (own, _, others) = model_name(models.loc[line["row"]]), line["samples"].partition(" ")
    if others:
        model, other = f"{model}, {int(own):,} images,", f"{other}, {int(others):,} images"
    return f"{model} against {other}; {images}"
