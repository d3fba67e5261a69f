"""How well maps point at the lesion, beside the image centre and networks or people that outlined it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import corrected_verdict
from dermimit.evaluate.significance import t_test
from dermimit.explain.localisation_names import BASELINES, HUMAN_IOU
from studies.localisation.summary import paired, summarise
from studies.shared.verdict_words import CONTRADICTED, SUPPORTED

MAP, BASELINE, OUTLINE = "attention", "baseline", "outline"
SYNTHETIC, REAL = "synthetic images", "real photographs"
CENTRE = "centre_prior"
PRETRAINED = {
    "vit_s14": "attention, ViT-S/14",
    "frozen_D_LSM": "attention, ViT-S/14 frozen, trained with LSM",
    "tuned_D_LSM": "attention, ViT-S/14 fine-tuned with LSM",
}
"""Models of `measure_backbones` that have a lesion score."""


def pointing(
    methods: pd.DataFrame, real: Mapping[str, Any], backbones: Mapping[str, Any] | None, unet: Mapping[str, Any]
) -> pd.DataFrame:
    """The lesion score of each network, the centre, and outlines, a line each.

    Args:
        methods: `tables.Published.methods`, synthetic images.
        real: `tables.Published.real`, small networks on real photographs.
        backbones: from `backbone_tables.read_backbones`, the pretrained ones; None where none has been measured.
        unet: segmentation/unet.json.

    Returns:
        columns `images, label, kind, photographs`, and `auroc` and `iou` with `_low` and `_high`, NaN where unknown.
    """
    drawn = summarise(methods[methods["method"].isin(["lsm_score", CENTRE])], scores=("auroc", "iou"))
    lines = [
        {"images": SYNTHETIC, "label": "U-Net, trained on outlines", "kind": OUTLINE} | _interval(unet, "iou"),
        _line(drawn, CENTRE, SYNTHETIC, "image centre", BASELINE),
        _line(drawn, "lsm_score", SYNTHETIC, "attention", MAP),
        {"images": REAL, "label": "two people", "kind": OUTLINE, "iou": HUMAN_IOU},
    ]
    small = {f"attention, {m['label'].split(',')[0]}": pd.DataFrame(m["summary"]) for m in real["models"].values()}
    lines.append(_line(next(iter(small.values())), CENTRE, REAL, "image centre", BASELINE))
    if backbones:
        known = {name: pd.DataFrame(model["summary"]) for name, model in backbones["models"].items()}
        lines += [_line(known[n], "lsm_score", REAL, label, MAP) for n, label in PRETRAINED.items() if n in known]
    lines += [_line(summary, "lsm_score", REAL, label, MAP) for label, summary in small.items()]
    ends = [f"{name}{end}" for name in ("auroc", "iou") for end in ("", "_low", "_high")]
    return pd.DataFrame(lines).reindex(columns=["images", "label", "kind", "photographs", *ends])


def against_centre(selection: pd.DataFrame, methods: pd.DataFrame) -> dict[str, Any]:
    """AUROC of the class token's attention minus that of the centre, over the seeds of the full model.

    Args:
        selection: `tables.Published.selection`, maps of several seeds.
        methods: `tables.Published.methods`, which holds the centre, the same for every network.

    Returns:
        `difference, low, high, p, seeds, verdict`, of the claim that attention points better.
    """
    centre = methods[methods["method"] == CENTRE]
    maps = selection[(selection["row"] == "full") & (selection["method"] == "class_attention")]
    shared = sorted(set(centre["image"]) & set(maps["image"]))
    centre, maps = (frame[frame["image"].isin(shared)] for frame in (centre, maps))
    gains = maps.groupby("seed")["auroc"].mean() - centre["auroc"].mean()
    mean = maps.groupby("image", sort=False).agg(auroc=("auroc", "mean"), patient_id=("patient_id", "first"))
    line = paired(mean.reset_index(), centre, ("auroc",)).iloc[0]
    test = t_test(gains, line["se"] ** 2, int(line["patients"]))
    value = float(gains.mean())
    found = {"difference": value, "low": value - test.half, "high": value + test.half, "p": test.p}
    verdict = corrected_verdict(value, test.p, (SUPPORTED, CONTRADICTED, "inconclusive"))
    return found | {"seeds": len(gains), "verdict": verdict}


def best_map(summary: pd.DataFrame) -> tuple[str, float, int]:
    """The kind of map with the highest AUROC, its AUROC, and among how many kinds; baselines are left out.

    Args:
        summary: from `summary.summarise`.
    """
    auroc = summary[(summary["score"] == "auroc") & ~summary["method"].isin(BASELINES)].set_index("method")["value"]
    return str(auroc.idxmax()).replace("_", " "), float(auroc.max()), len(auroc)


def _line(summary: pd.DataFrame, method: str, images: str, label: str, kind: str) -> dict[str, Any]:
    own = summary[summary["method"] == method].set_index("score")
    line: dict[str, Any] = {"images": images, "label": label, "kind": kind}
    line["photographs"] = int(own["photographs"].max())
    for name in ("auroc", "iou"):
        value = own.loc[name]
        line |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
    return line


def _interval(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: record[key] for key in (name, f"{name}_low", f"{name}_high", "photographs")}
