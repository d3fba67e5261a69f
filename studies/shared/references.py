"""What scores are read beside: guesses that never look at the photograph, and readers that make no error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.records import read_json

READERS = {
    "body part read without error": ("body_part",),
    "attributes read without error": ("attributes",),
    "both read without error": ("body_part", "attributes"),
    "both and the lesion parameters": ("body_part", "attributes", "lesions"),
}
"""Readers of SynDerm's labels, each with what it sees; the last sees all that a picture depends on."""
BEST = list(READERS)[-1]
UNIFORM, MAJORITY = "uniform guess", "majority class"
RULE = (
    "A reader without error sees the true labels named and predicts the disease of largest posterior probability: the "
    "best rule for accuracy, on average over cases, and the usual one for macro-F1, not a proven maximum. Whether such "
    "labels can be read off pictures of this size is another question."
)


def reference_scores(train: pd.DataFrame, test: pd.DataFrame, label_space: LabelSpace) -> pd.DataFrame:
    """Score two guesses that never look at the photo.

    The uniform guess picks every class with the same probability: for a class of prevalence p among C classes its
    expected precision is p and its recall 1/C, so F1 = 2p/C / (p + 1/C), averaged over classes. Of attributes it gives
    every photo the same score, or a random one: the average precision is then the share of photos that have it.
    The majority guess always says the commonest class of the training split.

    Args:
        train, test: photos with the column `disease` and, where known, `body_part` and `attributes`.
        label_space: the classes.
    Returns:
        frame with rows `UNIFORM` and `MAJORITY` and metric keys, as of `metrics.score`, as columns.
    """
    disease = test["disease"].dropna()
    prevalence = disease.value_counts(normalize=True)
    chance, share = 1 / len(label_space.diseases), _majority(train["disease"], disease)
    present = len(prevalence)  # classes absent from the test split do not enter the macro averages
    uniform: dict[str, float] = {
        "disease/macro_f1": float((2 * prevalence * chance / (prevalence + chance)).sum() / present),
        "disease/accuracy": chance,
        "disease/balanced_accuracy": chance,
        "disease/top3_accuracy": 3 * chance,
        "disease/auroc": 0.5,
    }
    majority: dict[str, float] = {
        "disease/macro_f1": 2 * share / (share + 1) / present,
        "disease/accuracy": share,
        "disease/balanced_accuracy": 1 / present if share else 0.0,
        "disease/auroc": 0.5,
    }
    if "body_part" in test and label_space.body_parts:
        uniform["body_part/accuracy"] = 1 / len(label_space.body_parts)
        majority["body_part/accuracy"] = _majority(train["body_part"], test["body_part"].dropna())
    if "attributes" in test and label_space.attributes:
        uniform["attributes/map"] = majority["attributes/map"] = _chance_map(test["attributes"])
    return pd.DataFrame([uniform, majority], index=[UNIFORM, MAJORITY])


def _majority(train: pd.Series, test: pd.Series) -> float:
    """Share of the test photos that have the commonest class of the training photos."""
    names = train.map(str).mode()
    return float((test.map(str) == names[0]).mean()) if len(names) and len(test) else 0.0


def _chance_map(attributes: pd.Series) -> float:
    """Mean share of the photos that have an attribute, over the attributes that occur and are absent."""
    known = attributes.dropna()
    shares = known.map(list).explode().value_counts() / max(len(known), 1)
    shares = shares[(shares > 0) & (shares < 1)]
    return float(shares.mean()) if len(shares) else float("nan")


def reader_scores(n: int = 20_000) -> dict[str, dict[str, float]]:
    """Scores of `READERS` of SynDerm as it is drawn now, by simulation of n cases."""
    from dermimit.data import synderm

    found = {name: synderm.ceiling(seen, n=n) for name, seen in READERS.items()}
    return {
        name: {"macro_f1": c.macro_f1, "accuracy": c.accuracy, "top3_accuracy": c.top3_accuracy}
        for name, c in found.items()
    }


def with_readers(scores: pd.DataFrame, readers: dict[str, dict[str, float]]) -> pd.DataFrame:
    """`reference_scores` with a row for each reader below the guesses."""
    lines = {name: {f"disease/{key}": value for key, value in line.items()} for name, line in readers.items()}
    return pd.concat([scores, pd.DataFrame(lines).T])


def published_references(
    folder: Path, label_space: LabelSpace, readers: Sequence[str] = tuple(READERS)
) -> pd.DataFrame:
    """Score the same guesses on the photographs that published runs were tested on, and the readers of their dataset.

    Args:
        folder: published runs of one dataset, with `ceiling.json` beside them where the process that made the labels
            is known. The majority class is that of the test split, for the training split is not published.
        label_space: of the runs.
        readers: which.
    Returns:
        as `reference_scores`, with the rows of `READERS` where there are any; no row where no predictions were
        published.
    """
    runs = sorted(Path(folder).glob("*/predictions.parquet"))
    if not runs:
        return pd.DataFrame()
    predictions = pd.read_parquet(runs[0])
    test = predictions[predictions["split"] == "test"]
    scores, path = reference_scores(test, test, label_space), Path(folder) / "ceiling.json"
    found: dict[str, Any] = read_json(path)["readers"] if path.is_file() else {}
    return with_readers(scores, {name: found[name] for name in readers if name in found})
