"""Score every row of the ablation in every subgroup, for the page Ablation explorer.

Writes results/published/ablation_explorer/scores.parquet, as `subgroup_scores` gives it, and provenance.json. The
published records are enough; the test cases are drawn once more for what their photographs are like.

Run: python -m studies.evidence.measure_explorer [--resamples N]
"""

import time
from pathlib import Path

import tyro

from dermimit.data.synderm import LABEL_SPACE, RENDERER
from dermimit.evaluate.runs import read_experiments, read_records
from dermimit.evaluate.subgroup_scores import subgroup_scores
from dermimit.records import provenance, write_json, write_parquet
from studies.shared.paths import EXPERIMENTS, PUBLISHED, ROOT, WORK
from studies.shared.published_cases import facts_of


def main(
    runs: Path = ROOT / PUBLISHED / "synderm",
    out: Path = ROOT / PUBLISHED / "ablation_explorer",
    work: Path = ROOT / WORK / "failures",
    resamples: int = 2000,
) -> None:
    """Score subgroups.

    Args:
        runs: folder of the published runs.
        out: folder of the record.
        work: folder that keeps the facts of the drawn test cases, as studies/failures/measure.py does.
        resamples: number of bootstrap samples.
    """
    started = time.time()
    work.mkdir(parents=True, exist_ok=True)
    experiments = read_experiments(ROOT / EXPERIMENTS / "ablation.csv")
    scores = subgroup_scores(read_records(runs), experiments, LABEL_SPACE, facts_of(work), resamples)
    out.mkdir(parents=True, exist_ok=True)
    write_parquet(out / "scores.parquet", scores)
    source = {"device": "cpu", "renderer": RENDERER, "resamples": resamples}
    write_json(out / "provenance.json", provenance(scores, started, source))
    print(f"{out}: {len(scores)} intervals after {time.time() - started:.0f} s")


if __name__ == "__main__":
    tyro.cli(main)
