"""Is a user's copy of a dataset the benchmark's? Missing, surplus and changed rows, counts, and the hash."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.benchmark.benchmarks import COLUMNS, Benchmark, rule_of
from dermimit.data.loaders import LOADERS
from dermimit.data.official import count, count_classes, differences, official_counts

SHOWN = 5


def verify(to: Benchmark, frame: pd.DataFrame) -> list[str]:
    """What differs between a user's copy and the benchmark; empty where nothing does.

    Args:
        to: the benchmark.
        frame: the manifest of the copy, as `dermimit.data.load` reads it: image, patient_id, disease and others.

    Returns:
        a line for each kind of difference, with how many and the first few.
    """
    theirs = frame.assign(image=[Path(str(name)).stem for name in frame["image"]])
    lines = []
    twice = theirs.loc[theirs["image"].duplicated(), "image"]
    lines += _line("is", "are", "there twice", list(twice))
    theirs = theirs.drop_duplicates("image").set_index("image")
    ours = to.frame.set_index("image")
    lines += _line("is", "are", "missing", [name for name in ours.index if name not in theirs.index])
    lines += _line("is", "are", "not in the benchmark", [name for name in theirs.index if name not in ours.index])
    shared = [name for name in ours.index if name in theirs.index]
    for column in [c for c in COLUMNS if c in theirs and c not in ("image", "fold")]:
        a, b = (_plain(part.loc[shared, column]) for part in (ours, theirs))
        changed = [name for name, x, y in zip(shared, a, b, strict=True) if x != y]
        lines += _line("has", "have", f"another {column}", changed)
    return lines


def against_official(name: str, root: Path) -> list[str]:
    """Where the counts of a copy differ from those that the dataset's authors give."""
    rule = rule_of(name)
    frame, space = LOADERS[rule["dataset"]](root, **rule.get("options", {}))
    official, _ = official_counts(rule["dataset"], list(frame["image"]))
    found = {"images": len(frame)} | count(frame, space)
    return differences(official, found, count_classes(frame, space))


def _line(one: str, many: str, what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = ", ..." if len(names) > SHOWN else ""
    count = f"1 photograph {one}" if len(names) == 1 else f"{len(names)} photographs {many}"
    return [f"{count} {what}: {', '.join(names[:SHOWN])}{more}"]


def _plain(values: pd.Series) -> list[str]:
    """Values as text, a number without its decimals, "" where there is none."""
    texts = []
    for value in values:
        if isinstance(value, list | tuple | np.ndarray):
            texts.append("; ".join(sorted(value)))
        elif pd.isna(value):
            texts.append("")
        elif isinstance(value, float) and value.is_integer():
            texts.append(str(int(value)))
        else:
            texts.append(str(value))
    return texts
