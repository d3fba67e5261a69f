"""Rows of the ablation compared on the same test photographs, from their predictions alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.statistics import bootstrap_interval, count_interval
from dermimit.evaluate.tables import in_order

Classes = Int[np.ndarray, " photos"]


def macro_f1(truth: Classes, answer: Classes) -> float:
    """Mean F1 over the classes that occur in the truth, as `metrics.class_metrics`, but fast enough to resample.

    Args:
        truth: class index of each photo.
        answer: predicted class index of each photo.
    """
    size = int(max(truth.max(), answer.max())) + 1
    hits = np.bincount(truth[truth == answer], minlength=size)
    counts = np.bincount(truth, minlength=size)
    f1 = 2 * hits / np.maximum(counts + np.bincount(answer, minlength=size), 1)
    return float(f1[counts > 0].mean())


@dataclass(frozen=True)
class Answers:
    """The disease answers of one row of the ablation on the test split, one array a seed."""

    truth: Classes
    answers: list[Classes]
    patients: pd.Series

    def macro_f1(self, rows: np.ndarray | slice = slice(None)) -> float:
        """Mean macro-F1 over seeds, on the photos `rows`."""
        return float(np.mean([macro_f1(self.truth[rows], answer[rows]) for answer in self.answers]))


def read_answers(paths: Sequence[Path], label_space: LabelSpace) -> Answers:
    """Read the test predictions of the runs of one row.

    Args:
        paths: run folders, one a seed, with `predictions.parquet`.
        label_space: the order of the probabilities.
    Raises:
        ValueError: two runs were tested on different photos.
    """
    frames = [pd.read_parquet(Path(path) / "predictions.parquet") for path in paths]
    frames = [frame[(frame["split"] == "test") & frame["disease"].notna()] for frame in frames]
    for path, frame in zip(paths, frames, strict=True):
        if list(frame["image"]) != list(frames[0]["image"]):
            raise ValueError(f"{path} was tested on other photos than {paths[0]}: train both on the same data.")
    place = {name: i for i, name in enumerate(label_space.diseases)}
    return Answers(
        truth=np.array([place[name] for name in frames[0]["disease"]]),
        answers=[np.stack(frame["disease_prob"].to_list()).argmax(1) for frame in frames],
        patients=frames[0]["patient_id"].reset_index(drop=True),
    )


def _groups(patients: pd.Series) -> pd.Series | None:
    return patients if patients.notna().all() and patients.nunique() < len(patients) else None


def compare(
    records: pd.DataFrame, experiments: pd.DataFrame, label_space: LabelSpace, *, resamples: int = 1000
) -> pd.DataFrame:
    """Estimate each row's macro-F1 and its difference from the first row, with 95 % bootstrap intervals.

    Photos are drawn (whole patients, where a patient has several). The difference is paired: both rows answer for the
    same drawn photos. Seeds are averaged inside each draw, so the interval covers the choice of test photos, not the
    luck of training.

    Returns:
        columns `row, label, value, low, high, difference, difference_low, difference_high`; rows without stored
        predictions are left out.
    """
    labels, lines, first = experiments.set_index("row")["label"], [], None
    for row in in_order(records, experiments):
        paths = [
            path for path in records.loc[records["row"] == row, "path"] if (path / "predictions.parquet").is_file()
        ]
        if not paths:
            continue
        these = read_answers(paths, label_space)
        first = first or these
        lines.append({"row": row, "label": labels[row]} | _estimate(these, first, resamples))
    return pd.DataFrame(lines)


def _estimate(these: Answers, first: Answers, resamples: int) -> dict[str, float]:
    options = {"n": len(these.truth), "groups": _groups(these.patients), "resamples": resamples}
    low, high = bootstrap_interval(these.macro_f1, **options)
    estimate = {"value": these.macro_f1(), "low": low, "high": high, "difference": 0.0}
    if these is first:
        return estimate | {"difference_low": 0.0, "difference_high": 0.0}
    low, high = bootstrap_interval(lambda rows: these.macro_f1(rows) - first.macro_f1(rows), **options)
    estimate["difference"] = these.macro_f1() - first.macro_f1()
    return estimate | {"difference_low": low, "difference_high": high}


def accuracy_by_skin_type(predictions: pd.DataFrame, label_space: LabelSpace) -> pd.DataFrame:
    """Count how often the disease is right for each Fitzpatrick skin type, with Wilson's 95 % interval.

    Args:
        predictions: test rows of one run's `predictions.parquet`.
    Returns:
        columns `skin type, photos, accuracy, low, high`.
    """
    names = np.array(label_space.diseases)
    known = predictions[predictions["disease"].notna()]
    right = names[np.stack(known["disease_prob"].to_list()).argmax(1)] == known["disease"].to_numpy()
    skin = np.array(["not recorded" if pd.isna(kind) else str(int(kind)) for kind in known["fitzpatrick"]])
    lines = []
    for kind in sorted(set(skin)):
        hits, n = int(right[skin == kind].sum()), int((skin == kind).sum())
        low, high = count_interval(hits, n)
        lines.append({"skin type": kind, "photos": n, "accuracy": hits / n, "low": low, "high": high})
    return pd.DataFrame(lines)


def verdict(difference: float, low: float, high: float, what: str) -> str:
    """Say in one sentence what an interval of a difference allows one to say.

    Args:
        difference, low, high: in units of the score.
        what: for example "full − D".
    """
    size = f"{what} is {difference:+.3f} (95 % interval {low:+.3f} to {high:+.3f})".replace("-", "−")
    if low > 0:
        return f"{size}: better on these test photographs."
    if high < 0:
        return f"{size}: **worse** on these test photographs."
    return f"{size}: the interval holds zero, so no difference is shown."
