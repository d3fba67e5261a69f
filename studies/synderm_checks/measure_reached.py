"""Train one larger network on each regime to a flat curve, and publish what it reaches on the fresh test set.

Writes results/published/synderm_checks/reached_REGIME.json after each budget. Drawings and networks are kept under
results/checks/reached, so that a stopped run goes on where it was.

Run: python -m studies.synderm_checks.measure_reached --regime plain
"""

import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import tyro
from sklearn.metrics import average_precision_score, roc_auc_score

from dermimit.data.synderm import LABEL_SPACE, ceiling, pixels_fingerprint
from dermimit.evaluate.comparisons import macro_f1
from dermimit.evaluate.statistics import bootstrap_interval
from dermimit.records import data_fingerprint, provenance, write_json
from studies.shared.paths import PUBLISHED, ROOT, WORK
from studies.synderm_checks.arrays import Arrays
from studies.synderm_checks.reached import ReachedSettings, data, predict
from studies.synderm_checks.reached_training import trained

FLAT = 0.01  # macro-F1 that the last doubling of the training may add
SETTINGS = ReachedSettings()
UNREACHED = 0.60  # AUROC under which an attribute counts as one that nothing reaches


def scores(found: dict[str, np.ndarray], arrays: Arrays, resamples: int, seed: int) -> dict[str, float]:
    """Scores of the disease and of the body part, with a bootstrap interval of macro-F1 over photographs."""
    guess, true = found["disease"].argmax(1), arrays.disease
    low, high = bootstrap_interval(
        lambda rows: macro_f1(true[rows], guess[rows]), len(arrays), resamples=resamples, seed=seed
    )
    top3 = np.argsort(-found["disease"], axis=1)[:, :3]
    return {
        "macro_f1": float(macro_f1(true, guess)),
        "macro_f1_low": float(low),
        "macro_f1_high": float(high),
        "accuracy": float((guess == true).mean()),
        "top3_accuracy": float((top3 == true[:, None]).any(axis=1).mean()),
        "body_part_accuracy": float((found["body_part"].argmax(1) == arrays.body_part).mean()),
    }


def signs(found: dict[str, np.ndarray], arrays: Arrays) -> list[dict[str, float | str]]:
    """AUROC and average precision of each attribute, and how common it is."""
    rows: list[dict[str, float | str]] = []
    for j, name in enumerate(LABEL_SPACE.attributes):
        true, p = arrays.attributes[:, j], found["attributes"][:, j]
        auroc, precision = roc_auc_score(true, p), average_precision_score(true, p)
        rows.append({"attribute": name, "share": float(true.mean()), "auroc": float(auroc),
                     "average_precision": float(precision)})  # fmt: skip
    return rows


def folder_name(settings: ReachedSettings, drawing: str) -> str:
    """Names the network, the data and the recipe, but not the budgets, of which more may come."""
    recipe = {name: value for name, value in asdict(settings).items() if name not in ("budgets", "n_val", "n_test")}
    return f"{settings.regime}-{settings.model}-{data_fingerprint(pd.DataFrame([recipe | {'drawing': drawing}]))[:12]}"


def main(
    regime: str = "plain",
    out: Path = ROOT / PUBLISHED / "synderm_checks",
    work: Path = ROOT / WORK / "reached",
    threads: int = 2,
    resamples: int = 1000,
    settings: ReachedSettings = SETTINGS,
) -> None:
    """Train and publish.

    Args:
        regime: of the data.
        out: folder of the record.
        work: folder for drawings and networks.
        threads: of the training, and processes of the drawing.
        resamples: of the bootstrap.
        settings: the network, its data and its recipe.
    """
    out.mkdir(parents=True, exist_ok=True)  # before the hours of work
    torch.set_num_threads(threads)
    settings, started, drawing = replace(settings, regime=regime), time.time(), pixels_fingerprint(regime)
    arrays, rows = data(settings, work, threads, drawing), []
    for budget, model in trained(settings, arrays["train"], work / folder_name(settings, drawing)):
        found = predict(model, arrays["test"])
        rows.append({"photographs": budget} | scores(found, arrays["test"], resamples, settings.seed))
        print(rows[-1], flush=True)
        table = signs(found, arrays["test"])
        gain = rows[-1]["macro_f1"] - rows[-2]["macro_f1"] if len(rows) > 1 else float("nan")
        record = {
            "settings": asdict(settings),
            "curve": rows,
            "flat": bool(gain < FLAT),
            "last_doubling": gain,
            "attributes": table,
            "unreached": [row["attribute"] for row in table if row["auroc"] < UNREACHED],
            "chance": float(1 / len(LABEL_SPACE.diseases)),
            "majority_accuracy": float(np.bincount(arrays["test"].disease).max() / len(arrays["test"])),
            "ceiling": asdict(ceiling(regime=regime)),
        }
        source = {"device": "cpu", "drawing_fingerprint": drawing, "regime": regime}
        frame = pd.DataFrame([asdict(settings) | {"drawing": drawing}])
        write_json(out / f"reached_{regime}.json", record | {"provenance": provenance(frame, started, source)})


if __name__ == "__main__":
    tyro.cli(main)
