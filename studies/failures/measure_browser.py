"""Gather wrong answers of the full model, with photographs and maps, for the page Failure browser.

Writes results/published/failures/browser.json and browser.webp, a sheet of the photographs, which are drawn. Needs the
trained run; what is known of the test cases is kept under results/checks/failures, as by studies/failures/measure.py.

Run: python -m studies.failures.measure_browser [--runs FOLDER]
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import tyro

from dermimit.data.synderm import LABEL_SPACE
from dermimit.explore.failure_data import failures_record, sheet, stratified_sample
from dermimit.records import write_atomically
from dermimit.train import load_run
from studies.failures import by_condition as failures
from studies.failures.measure import record
from studies.shared.paths import PUBLISHED, ROOT, WORK
from studies.shared.published_cases import SEED, TESTS, facts_of, tests


def main(
    runs: Path = ROOT / "results/runs/published/synderm",
    row: str = "full",
    seed: int = 0,
    most: int = 180,
    out: Path = ROOT / PUBLISHED / "failures",
    work: Path = ROOT / WORK / "failures",
) -> None:
    """Gather wrong answers.

    Args:
        runs: folder of the trained runs of the ablation.
        row: of the run.
        seed: of the run, and of the sample.
        most: wrong answers shown, as many of each skin type as can be.
        out: folder of the record.
        work: folder for what is kept between runs.
    """
    started, run = time.time(), load_run(runs / f"{row}-seed{seed}")
    work.mkdir(parents=True, exist_ok=True)
    test = run.predictions[run.predictions["split"] == "test"].reset_index(drop=True)
    if len(test) != TESTS:
        raise SystemExit(
            f"failure_browser: {run.path} was tested on {len(test)} photographs, not on the published {TESTS}"
        )
    tags = failures.tags(test, facts_of(work), LABEL_SPACE, failures.confusable_partners(LABEL_SPACE.diseases))
    rows, cases = stratified_sample(tags["wrong"].to_numpy(bool), test["fitzpatrick"], most, seed), tests()
    pictures = [cases[i].image for i in rows]
    images = run.preprocessing.normalise(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2))
    found = failures_record(run, test, tags, rows, images) | {"drawn": True, "split_seed": SEED}
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "browser.webp", lambda draft: draft.write_bytes(sheet(pictures, found["columns"])))
    record("browser", found, started, pd.DataFrame([{"seed": SEED, "rows": len(rows)}]), out)


if __name__ == "__main__":
    tyro.cli(main)
