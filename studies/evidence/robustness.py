"""Every alternative that was tried with one seed, in one list: design, recipe, other networks, labels, fewer images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from studies.evidence.exploration import NO_TRAINING, SCORE, Spread, same_row_rate, seed_spread
from studies.evidence.tables import EXPLORED, evidence_of, explored
from studies.shared.evidence import Evidence, read_evidence

DESIGN, RECIPE, NETWORKS, LABELS, IMAGES = (
    "model design", "training recipe", "other networks", "attribute labels", "fewer images",
)  # fmt: skip
KINDS = (DESIGN, RECIPE, NETWORKS, LABELS, IMAGES)
OF_RECIPE = ("losses", "attribute weight", "CutMix", "optimizer")
"""Groups of the table `choices` that are about training and not about the model."""
NAMES = {
    "full": "Full model", "D": "Disease only", "D_LSM": "Disease only + lesion selection",
    "D_B_A": "Disease only + body part, attributes",
}  # fmt: skip
"""The reference rows, for people."""


@dataclass(frozen=True)
class Alternatives:
    """What was tried, and how far two trainings of one and the same model lie apart.

    Args:
        table: a line for each alternative, the lowest difference first, what did not train last: `row, kind, name,
            reference` (its name)`, value, difference, half` (of the band; all three per cent or points)`, reading`.
        spread: of macro-F1 between seeds of the ablation's rows, which saw twice as many images, in [0, 1].
        own: the same, of the reference rows themselves, which are few.
        seeds: of the reference rows.
        own_seed: how far the full model of the seed that the alternatives have lies above the mean of its seeds, in
            points.
        alike: share of the pairs of two seeds of one model that a test of two single networks calls different, and how
            many pairs.
        budget: images seen in training, and pixels of a side.
    """

    table: pd.DataFrame
    spread: Spread
    own: Spread
    seeds: int
    own_seed: float
    alike: tuple[float, int]
    budget: tuple[int, int]

    @property
    def trained(self) -> pd.DataFrame:
        """Without those that did not train."""
        return self.table[self.table["reading"] != NO_TRAINING]


def read_alternatives(root: Path) -> Alternatives:
    """Read all tables of one seed.

    Args:
        root: the project's folder.

    Raises:
        FileNotFoundError: a table has no published runs.
    """
    frames, references, seeds = [], [], set()
    for name in EXPLORED:
        if (evidence := evidence_of(root, name)) is None:
            raise FileNotFoundError(f"the table {name} has no published runs: run `make published`")
        found = explored(evidence)
        seeds |= set(found.loc[found["reference"].isna(), "seeds"])
        references.append(evidence.records[~evidence.records["row"].isin(evidence.own)])
        frames.append(found[found["reference"].notna()].assign(table=name))
        if name == "choices":
            own_seed, config = above_its_mean(evidence), evidence.records.iloc[0]
    table = pd.concat(frames, ignore_index=True)
    kinds = [kind_of(line.table, line.group) for line in table.itertuples()]
    names = [name_of(line.table, line.group, line.label) for line in table.itertuples()]
    table = table.assign(kind=kinds, name=names, reference=table["reference"].map(NAMES))
    table[["value", "difference", "half"]] *= 100
    ablation = read_evidence(root, "ablation")
    budget = (int(config["config/samples"]), int(config["config/image_size"]))
    shown = ["row", "kind", "name", "reference", "value", "difference", "half", "reading"]
    table = table.sort_values("difference", ignore_index=True)[shown]
    spread = seed_spread(ablation.records, SCORE)
    own = seed_spread(pd.concat(references).drop_duplicates(["row", "seed"]), SCORE)
    return Alternatives(table, spread, own, min(seeds), own_seed, same_row_rate(ablation), budget)


def above_its_mean(evidence: Evidence, row: str = "full") -> float:
    """How far a reference row of the seeds that the table's own rows have lies above its mean over all seeds."""
    own = evidence.records[evidence.records["row"].isin(evidence.own)]
    reference = evidence.records[evidence.records["row"] == row]
    shared = reference.loc[reference["seed"].isin(own["seed"]), SCORE]
    return 100 * float(shared.mean() - reference[SCORE].mean())


def kind_of(table: str, group: str) -> str:
    """Which of `KINDS` a row belongs to."""
    if table == "choices":
        return RECIPE if group in OF_RECIPE else DESIGN
    return {"baselines": NETWORKS, "labels": LABELS, "data_share": IMAGES}[table]


def name_of(table: str, group: str, label: str) -> str:
    """A row as people name it."""
    if table == "data_share":
        return f"{label} of the images, {NAMES['D_LSM' if group == 'D + LSM' else group].lower()}"
    if table == "labels":
        return f"attributes {label}"
    name = f"{group}: {label}" if table == "choices" else label
    return name.removesuffix(", D")
