"""What a dataset of this size and in these splits cannot show: said when it is loaded, so that no score misleads."""

import numpy as np
import pandas as pd

from dermimit.data.columns import SPLITS
from dermimit.data.label_space import LabelSpace
from dermimit.data.photo_files import shown

FEW, SMALL = 3, 10  # photographs of a disease, and of a split, below and up to which a note says so
NAMED = 10  # diseases named in one note; the rest are counted


class SmallDataWarning(UserWarning):
    """A dataset is too small, or split so, that something cannot be learnt or measured."""


def class_counts(frame: pd.DataFrame, space: LabelSpace) -> dict[str, dict[str, int]]:
    """For each disease of the label space, its photographs in train, val and test; most frequent first."""
    table = pd.crosstab(frame["disease"].astype(object), frame["split"].astype(object).fillna(""))
    table = table.reindex(index=list(space.diseases), columns=list(SPLITS), fill_value=0)
    table = table.iloc[np.argsort(-table.sum(axis=1).to_numpy(), kind="stable")]
    return {str(name): {split: int(n) for split, n in row.items()} for name, row in table.iterrows()}


def notes_on_measures(frame: pd.DataFrame, space: LabelSpace) -> list[str]:
    """What cannot be learnt or measured: one line for each kind, with the diseases.

    Args:
        frame: a manifest whose rows have splits.
        space: its label space.
    """
    counts = class_counts(frame, space)
    present = {name: row for name, row in counts.items() if sum(row.values())}
    notes = []
    if len(present) == 1:
        notes.append(f"one disease only, {next(iter(present))!r}: nothing to tell apart; every score would be perfect")
    notes += _without(counts, present)
    few = [f"{name} ({sum(row.values())})" for name, row in present.items() if sum(row.values()) < FEW]
    if few:
        notes.append(f"{len(few)} of {len(present)} diseases have fewer than {FEW} photographs: {shown(few, NAMED)}")
    for split in ("val", "test"):
        photos = sum(row[split] for row in present.values())
        if 0 < photos <= SMALL:
            shows = sum(row[split] > 0 for row in present.values())
            notes.append(f"{split}: {photos} photograph(s) of {shows} disease(s): {_steps(photos)}")
    return notes


def _without(counts: dict[str, dict[str, int]], present: dict[str, dict[str, int]]) -> list[str]:
    """Diseases without photographs at all, without any to learn from, or without any to test on."""
    notes = []
    if absent := [name for name in counts if name not in present]:
        notes.append(f"{len(absent)} of {len(counts)} diseases have no photograph: {shown(absent, NAMED)}")
    untrained = [name for name, row in present.items() if not row["train"]]
    untested = [name for name, row in present.items() if not row["test"]]
    said = (
        ("training", untrained, "the model cannot learn them"),
        ("test", untested, "no score tells how well they are recognised"),
    )
    for what, names, consequence in said:
        if names:
            which = f"{len(names)} of {len(present)} diseases have no {what} photograph: {shown(names, NAMED)}"
            notes.append(f"{which}; {consequence}")
    return notes


def _steps(photos: int) -> str:
    """The values that an accuracy over so few photographs can take."""
    if photos > 5:
        return f"an accuracy goes in steps of {100 / photos:.0f} points"
    values = [f"{100 * right / photos:.0f}" for right in range(photos + 1)]
    return f"an accuracy can be {', '.join(values[:-1])} or {values[-1]} % only"
