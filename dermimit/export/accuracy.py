"""How good an exported file is on a whole split: scores with intervals, beside the model that it came from."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dermimit.evaluate.ranks import rank_of_truth
from dermimit.evaluate.resampling import Draws, macro_f1_draws, patient_draws, percentile_interval
from dermimit.export.facts import Graph
from dermimit.export.quantise import answers_of, scores

RESAMPLES = 2000


def accuracy(
    file: Path,
    graph: Graph,
    photos: Tensor,
    targets: Mapping[str, np.ndarray],
    patients: pd.Series,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Score torch and a file on the same photographs, those with a known disease, and say how far apart they are.

    Args:
        file: ONNX file.
        graph: in torch, of a run with a disease.
        photos: (n, 3, S, S), normalised.
        targets: task -> (n, C), NaN where unknown.
        patients: of each photograph; intervals are by patient.
        resamples: bootstrap samples.

    Returns:
        `torch` and `file`: score -> [value, low, high] (95 %) for disease macro_f1, accuracy and top3_accuracy, and
        score -> value for body_part_accuracy and attribute_map; `macro_f1_difference` [file - torch, low, high];
        `same_answer`, share of photographs with the same first disease; `differences`, median, 99th percentile and
        largest over photographs of the largest difference of a disease probability; `photographs`; `megabytes`.
    """
    known = ~np.isnan(targets["disease"]).any(axis=1)
    photos, targets = photos[torch.from_numpy(known)], {task: target[known] for task, target in targets.items()}
    draws = patient_draws(patients[known], resamples)
    answers = {"torch": answers_of(None, graph, photos), "file": answers_of(file, graph, photos)}
    found = {name: _with_intervals(answers[name], targets, draws, graph.several) for name in answers}
    first = {name: answers[name]["disease"].argmax(axis=1) for name in answers}
    apart = np.abs(answers["torch"]["disease"] - answers["file"]["disease"]).max(axis=1)
    shares = {"median": 0.5, "99 %": 0.99, "largest": 1.0}
    both = [macro_f1_draws(targets["disease"].argmax(axis=1), first[name], draws) for name in ("file", "torch")]
    value = found["file"]["macro_f1"][0] - found["torch"]["macro_f1"][0]
    return {
        **found,
        "macro_f1_difference": [value, *percentile_interval(both[0] - both[1])],
        "same_answer": float((first["torch"] == first["file"]).mean()),
        "differences": {name: float(np.quantile(apart, share)) for name, share in shares.items()},
        "photographs": len(photos),
        "megabytes": file.stat().st_size / 1e6,
    }


def _with_intervals(
    answers: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray], draws: Draws, several: Collection[str]
) -> dict:
    points, truth, p = scores(answers, targets, several), targets["disease"].argmax(axis=1), answers["disease"]
    in_top3 = rank_of_truth(p, truth) <= 3
    shares = draws.means(np.stack([p.argmax(axis=1) == truth, in_top3], axis=1).astype(float))
    resampled = {
        "macro_f1": macro_f1_draws(truth, p.argmax(axis=1), draws),
        "accuracy": shares[0],
        "top3_accuracy": shares[1],
    }
    return points | {name: [points[name], *percentile_interval(values)] for name, values in resampled.items()}
