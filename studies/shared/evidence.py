"""Published experiments beside their reference rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.comparisons import compare
from dermimit.evaluate.estimate import NOT_RUN, Estimate, minus, p_text
from dermimit.evaluate.runs import read_experiments, read_records
from dermimit.evaluate.statistics import format_mean_sd
from dermimit.records import read_json
from studies.shared.paths import EXPERIMENTS, PUBLISHED


@dataclass(frozen=True)
class Evidence:
    """The published runs of one table of experiments on one dataset, and the reference rows that it is compared with.

    Args:
        experiments: rows of both, the reference rows first.
        records: their published runs.
        label_space: of the runs.
        own: names of the table's own rows.
        seeds: runs of rows with several seeds, for the spread between them: the ablation's.
    """

    experiments: pd.DataFrame
    records: pd.DataFrame
    label_space: LabelSpace
    own: tuple[str, ...]
    seeds: pd.DataFrame

    @property
    def complete(self) -> bool:
        """Whether every row of the table has a published run."""
        return set(self.own) <= set(self.records["row"])

    def against(self, reference: str) -> pd.DataFrame:
        """`compare` with a row of either table, and the columns `group` and `description` of the experiments."""
        found = compare(self.records, self.experiments, self.label_space, reference=reference)
        return found.merge(self.experiments[["row", "group", "description"]], on="row", how="left")


def read_evidence(root: Path, table: str, beside: tuple[str, ...] = ("full",), dataset: str = "synderm") -> Evidence:
    """Read the published runs of a table of experiments, and the rows of the table `reference` beside it.

    The ablation saw more photographs in training than the other tables, so that these have reference rows of their own.

    Args:
        root: the project's folder.
        table: name of a file of `workflow/experiments`, without .csv; "ablation" stands alone.
        beside: rows of the table `reference`.
        dataset: whose published runs.

    Raises:
        FileNotFoundError: the ablation of this dataset is not published.
    """
    published, tables = root / PUBLISHED / dataset, root / EXPERIMENTS
    ablation = read_records(published)
    if ablation.empty:
        raise FileNotFoundError(f"{published} holds no runs: run `make published`")
    space = LabelSpace.from_dict(read_json(ablation["path"].iloc[0] / "label_space.json"))
    own = read_experiments(tables / f"{table}.csv")
    if table == "ablation":
        ablation = ablation[ablation["row"].isin(own["row"])]
        return Evidence(own, ablation, space, tuple(own["row"]), ablation)
    evidence = published.with_name(f"{dataset}-evidence")
    runs, others = read_records(evidence / table), read_records(evidence / "reference")
    both = [runs[runs["row"].isin(own["row"])], others[others["row"].isin(beside)]]
    first = read_experiments(tables / "reference.csv")
    experiments = pd.concat([first[first["row"].isin(beside)], own], ignore_index=True)
    return Evidence(experiments, pd.concat(both, ignore_index=True), space, tuple(own["row"]), ablation)


def with_controls(root: Path, dataset: str = "synderm") -> Evidence:
    """The ablation together with its controls: the same budget, code and photographs, patches chosen otherwise.

    Args:
        root: the project's folder.
        dataset: whose published runs.
    """
    ablation = read_evidence(root, "ablation", dataset=dataset)
    rows = read_experiments(root / EXPERIMENTS / "controls.csv")
    runs = read_records(root / PUBLISHED / f"{dataset}-evidence/controls")
    records = pd.concat([ablation.records, runs[runs["row"].isin(rows["row"])]], ignore_index=True)
    experiments = pd.concat([ablation.experiments, rows], ignore_index=True)
    return Evidence(experiments, records, ablation.label_space, tuple(rows["row"]), ablation.records)


def paper_scale_table(experiments: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """The rows at the paper's scale as text for people; a row without a run says so and has no number."""
    scores = {"macro-F1": "test/disease/macro_f1", "accuracy": "test/disease/accuracy"}
    lines = []
    for row in experiments.itertuples():
        runs = records[records["row"] == row.row]
        line = {"photographs": row.group, "model": row.label}
        cells = {name: format_mean_sd(runs[key]) if len(runs) else NOT_RUN for name, key in scores.items()}
        lines.append(line | cells)
    return pd.DataFrame(lines)


def differences_table(found: pd.DataFrame, factors: bool = False) -> pd.DataFrame:
    """The differences that `compare` found as text for people, without the reference row.

    Args:
        found: from `Evidence.against`.
        factors: name the group of each row too, where labels such as "2" mean nothing without it.
    """
    rows = found[found["note"] != "reference"]
    scores, ends = (
        zip(rows["value"], rows["sd"], strict=True),
        zip(rows["difference_low"], rows["difference_high"], strict=True),
    )
    return pd.DataFrame(
        {
            "model": rows["group"] + ": " + rows["label"] if factors else rows["label"],
            "seeds": rows["seeds"],
            "macro-F1": [f"{value:.3f}" + ("" if pd.isna(sd) else f" ± {sd:.3f}") for value, sd in scores],
            "difference (95 %)": [Estimate(d, *e).signed() for d, e in zip(rows["difference"], ends, strict=True)],
            "p (t, Holm)": rows["p_holm"].map(p_text),
            "effect size": [minus(f"{effect:.1f}") if pd.notna(effect) else "–" for effect in rows["effect"]],
        }
    )
