"""Make the tables and figures of the published evidence again from its records, without training.

Writes results/tables/published/<name>.csv and .svg: ablation (seeds needed), controls, verdicts, every table of
experiments that has a reference run and a run of its own with the figure that the book shows of it, the
cross-validation on real photographs scored again from its answers by image, and the paper's scale.

Run: python -m studies.evidence.measure_tables [--out FOLDER]
"""

from functools import partial
from pathlib import Path

import pandas as pd
import tyro
from matplotlib.figure import Figure

from dermimit.evaluate import runs as tables
from dermimit.explain.style import use_style
from dermimit.records import write_atomically
from studies.evidence import real as real_evidence
from studies.evidence import tables as evidence_pages
from studies.evidence import verdicts
from studies.shared import evidence
from studies.shared import interval_charts as evidence_charts
from studies.shared.paths import EXPERIMENTS, PUBLISHED, ROOT


def make(root: Path) -> tuple[dict[str, pd.DataFrame], dict[str, Figure]]:
    """Every table and every figure by name, from the records below `root` alone."""
    ablation, controlled = evidence.read_evidence(root, "ablation"), evidence.with_controls(root)
    made = {
        "ablation": ablation.against("D"),
        "verdicts": verdicts.judge(controlled),
        "sums": verdicts.sums(ablation),
    }
    made["controls"] = controlled.against("full")
    drawn = {"ablation": evidence_charts.paired_forest(made["ablation"], claimed=0.013)}
    drawn["controls"] = evidence_charts.paired_forest(made["controls"])
    for name, figure in evidence_pages.FIGURES.items():
        if found := evidence_pages.evidence_of(root, name):
            explored = name in evidence_pages.EXPLORED
            made[name] = evidence_pages.explored(found) if explored else found.against("full")
            drawn[name] = figure(found)
    rows = tables.read_experiments(root / EXPERIMENTS / "real/pad_ufes_20.csv")
    real = real_evidence.read_real_evidence(root)
    made["real"], made["real_pairs"] = real_evidence.scores_table(real, rows), real_evidence.pairs_table(real, rows)
    made["real_verdicts"] = verdicts.judge_real(real, rows)
    scale = tables.read_experiments(root / EXPERIMENTS / "gpu/paper_scale.csv")
    runs = tables.read_records(root / PUBLISHED / "paper_scale")
    return made | {"paper_scale": evidence.paper_scale_table(scale, runs)}, drawn


def main(out: Path = ROOT / "results/tables/published", root: Path = ROOT) -> None:
    """Write all tables and figures.

    Args:
        out: folder to write.
        root: the project's folder.
    """
    use_style()
    out.mkdir(parents=True, exist_ok=True)
    made, drawn = make(root)
    for name, table in made.items():
        write_atomically(out / f"{name}.csv", partial(table.to_csv, index=False))
        print(out / f"{name}.csv")
    for name, figure in drawn.items():
        write_atomically(out / f"{name}.svg", partial(figure.savefig, format="svg"))


if __name__ == "__main__":
    tyro.cli(main)
