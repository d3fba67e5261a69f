"""Make the tables and figures of the published evidence again from its records, without training.

Writes results/tables/published/<name>.csv and .svg: ablation (seeds needed), verdicts, every table of experiments that
has a reference run and a run of its own, the cross-validation on real photographs, and the paper's scale.

Run: python workflow/scripts/tables.py [--out FOLDER]
"""

from pathlib import Path

import pandas as pd
import tyro

from dermimit.evaluate import evidence, real_evidence, tables
from dermimit.explain import evidence_charts
from dermimit.explain.style import use_style

ROOT = Path(__file__).parents[2]
BESIDE = {"choices": ("full",), "gradients": ("full",), "baselines": ("D", "D_LSM", "full"),
          "labels": ("full", "D_LSM"), "data_share": ("full", "D_LSM")}  # fmt: skip


def make(root: Path) -> dict[str, pd.DataFrame]:
    """Every table by name, from the records below `root` alone."""
    ablation = evidence.read_evidence(root, "ablation")
    made = {"ablation": ablation.against("D"), "verdicts": evidence.judge(ablation)}
    for name, beside in BESIDE.items():
        found = evidence.read_evidence(root, name, beside)
        if "full" in set(found.records["row"]) and set(found.own) & set(found.records["row"]):
            made[name] = found.against("full")
    rows = tables.read_experiments(root / "workflow/experiments/real/pad_ufes_20.csv")
    made["real"] = real_evidence.scores_table(real_evidence.read_real_evidence(root), rows)
    scale = tables.read_experiments(root / "workflow/experiments/gpu/paper_scale.csv")
    runs = tables.read_records(root / "results/published/paper_scale")
    return made | {"paper_scale": evidence.paper_scale_table(scale, runs)}


def main(out: Path = ROOT / "results/tables/published", root: Path = ROOT) -> None:
    """Write all tables, and a forest plot of each table of differences.

    Args:
        out: folder to write.
        root: the project's folder.
    """
    use_style()
    out.mkdir(parents=True, exist_ok=True)
    for name, table in make(root).items():
        table.to_csv(out / f"{name}.csv", index=False)
        if "p_holm" in table and "row" in table:
            figure = evidence_charts.paired_forest(table, claimed=0.013 if name == "ablation" else None)
            figure.savefig(out / f"{name}.svg")
        print(out / f"{name}.csv")


if __name__ == "__main__":
    tyro.cli(main)
