"""What the switch of the page Explore does over the whole test set: the shipped model reads other patches than its own.

The model was trained with the patches that its attention chooses. Here the same weights read as many patches chosen at
random (anew for each image) or nearest to the centre, or all of them.

Run: python -m studies.explore.measure_patch_choices   (some minutes on one core)
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import tyro
from tqdm import tqdm

from dermimit.data.synderm import SynDerm
from dermimit.evaluate.resampling import patient_draws, percentile_interval
from dermimit.explore.onnx_model import OnnxModel
from dermimit.prediction import Prediction
from dermimit.records import provenance, write_json
from studies.shared.paths import PUBLISHED, ROOT
from studies.shared.published_cases import tests

RESAMPLES = 2000


def centre_scores(grid: tuple[int, int]) -> np.ndarray:
    """Minus the distance of each patch from the centre, in patches, row-major."""
    y, x = np.indices(grid).reshape(2, -1) - (np.array(grid)[:, None] - 1) / 2
    return -np.hypot(y, x)


def predictions(model: OnnxModel, photo: np.ndarray, seed: int) -> Iterator[tuple[str, Prediction]]:
    """How the patches are chosen, and what the model predicts then."""
    grid = tuple(model.facts["grid"])
    yield "attention", model(photo)
    yield "random", model(photo, scores=np.random.default_rng(seed).random(grid[0] * grid[1]))
    yield "centre", model(photo, scores=centre_scores(grid))
    yield "all", model(photo, lsm=False)


def measure(model: OnnxModel, cases: SynDerm) -> pd.DataFrame:
    """A row for each case and way of choosing: `case, patches, right, predicted`, and `lesion`, its share of them."""
    rows = []
    for index in tqdm(range(len(cases)), desc="cases", disable=None):
        case = cases[index]
        for name, found in predictions(model, case.image, index):
            predicted = found.answers["disease"].index[0]
            lesion = share_of_lesion(case.mask, found.selected["disease"], found.grid) if name != "all" else np.nan
            rows.append([index, name, predicted == case.disease, predicted, lesion])
    return pd.DataFrame(rows, columns=["case", "patches", "right", "predicted", "lesion"])


def share_of_lesion(mask: np.ndarray, patches: np.ndarray, grid: tuple[int, int]) -> float:
    """Mean share of the patches that is lesion."""
    high, wide = mask.shape[0] // grid[0], mask.shape[1] // grid[1]
    share = mask.reshape(grid[0], high, grid[1], wide).mean(axis=(1, 3)).ravel()
    return float(share[np.asarray(patches)].mean())


def summary(frame: pd.DataFrame, resamples: int = RESAMPLES) -> dict[str, dict[str, object]]:
    """For each way of choosing: accuracy, its difference from the attention's, share of other predictions, lesion.

    Returns:
        name -> `accuracy` and `difference`, each [value, low, high] (95 %, by case), `changed` and `lesion` (shares).
    """
    right = frame.pivot(index="case", columns="patches", values="right").astype(float)
    predicted = frame.pivot(index="case", columns="patches", values="predicted")
    draws, found = patient_draws(right.index, resamples), {}
    for name in frame["patches"].unique():
        apart = right[name] - right["attention"]
        values = np.column_stack([right[name], apart])
        sampled = draws.sums(values) / draws.sums(np.ones((len(values), 1)))
        own, other = ([v.mean(), *percentile_interval(d)] for v, d in zip(values.T, sampled, strict=True))
        lesion = frame.loc[frame["patches"] == name, "lesion"].mean()
        found[name] = {"accuracy": own, "difference": other, "lesion": None if np.isnan(lesion) else float(lesion)}
        found[name]["changed"] = float((predicted[name] != predicted["attention"]).mean())
    return found


def main(out: Path = ROOT / PUBLISHED / "explorer") -> None:
    """Write patch_choices.json into `out`, which holds the model."""
    started, model, cases = time.time(), OnnxModel(out / "model.onnx"), tests()
    frame = measure(model, cases)
    truth = pd.DataFrame({"disease": [cases.labels(i).disease for i in range(len(cases))]})
    record = {"cases": len(cases), "k": model.facts["k"], "patches": summary(frame)}
    write_json(out / "patch_choices.json", record | {"provenance": provenance(truth, started, {"device": "cpu"})})


if __name__ == "__main__":
    tyro.cli(main)
