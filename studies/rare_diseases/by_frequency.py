"""Diseases by how often training showed them: scores of each, of the head, the middle and the tail, and gains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int

from dermimit.evaluate.resampling import Draws, patient_draws, percentile_interval, two_level
from dermimit.evaluate.significance import drawn_test

PARTS = ("head", "middle", "tail")
Classes = Int[np.ndarray, " photos"]


def parts_of(counts: Int[np.ndarray, " classes"]) -> np.ndarray:
    """Head, middle or tail: thirds of the diseases by the number of their training photographs, the largest first."""
    rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    return np.array(PARTS)[rank * 3 // len(counts)]


def by_disease(truth: Classes, answers: Int[np.ndarray, "seeds photos"], classes: int) -> pd.DataFrame:
    """Recall, precision and F1 of each disease, means over seeds; precision 0 where nothing was said.

    Args:
        truth: disease of each photo.
        answers: what each seed said.
    """
    hits = np.stack([np.bincount(truth[a == truth], minlength=classes) for a in answers])
    said = np.stack([np.bincount(a, minlength=classes) for a in answers])
    true = np.bincount(truth, minlength=classes)
    found = {"recall": hits / np.maximum(true, 1), "precision": hits / np.maximum(said, 1)}
    found["f1"] = 2 * hits / np.maximum(said + true, 1)
    return pd.DataFrame({name: value.mean(0) for name, value in found.items()} | {"photographs": true})


def by_part(
    truth: Classes, answers: Int[np.ndarray, "seeds photos"], part: np.ndarray, resamples: int = 1000
) -> pd.DataFrame:
    """Mean F1 of the diseases of each part, and of all, with a 95 % interval over photographs and seeds.

    Args:
        truth, answers: as in `by_disease`.
        part: of each disease.

    Returns:
        columns `part, value, low, high`.
    """
    draws = patient_draws(range(len(truth)), resamples)
    f1, usual = zip(*(_drawn_and_usual(truth, answer, len(part), draws) for answer in answers), strict=True)
    return _of_parts(f1, usual, part)


def gain_by_part(
    truth: Classes,
    answers: Int[np.ndarray, "seeds photos"],
    reference: Int[np.ndarray, "others photos"],
    part: np.ndarray,
    resamples: int = 1000,
) -> pd.DataFrame:
    """As `by_part`, of the difference in F1 from a reference, with `p` of its being zero.

    Photographs and seeds are paired, seeds where both have them.
    """
    draws = patient_draws(range(len(truth)), resamples)
    pairs = [
        [_drawn_and_usual(truth, answer, len(part), draws) for answer in pair]
        for pair in zip(answers, reference, strict=False)
    ]
    f1, usual = ([a[i] - b[i] for a, b in pairs] for i in (0, 1))
    return _of_parts(f1, usual, part, len(truth))


def _drawn_and_usual(truth: Classes, answer: Classes, size: int, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """F1 of each disease, in each resample (classes, resamples) and as observed (classes,)."""
    photos, hit = np.arange(len(truth)), answer == truth
    true, said = (draws.class_counts(c, photos, size) for c in (truth, answer))
    f1 = 2 * draws.class_counts(truth[hit], photos[hit], size) / np.maximum(true + said, 1)
    return f1, by_disease(truth, answer[None], size)["f1"].to_numpy()


def _of_parts(
    f1: Sequence[np.ndarray], usual: Sequence[np.ndarray], part: np.ndarray, photographs: int | None = None
) -> pd.DataFrame:
    """A line a part; with `p` where it is a difference, on so many photographs."""
    lines = []
    for name, kept in ({p: part == p for p in PARTS} | {"all": np.ones(len(part), bool)}).items():
        observed = [float(value[kept].mean()) for value in usual]
        drawn = np.stack([d[kept].mean(0) for d in f1])
        low, high = percentile_interval(two_level(drawn, observed))
        line = {"part": name, "value": float(np.mean(observed)), "low": low, "high": high}
        lines.append(line | ({"p": drawn_test(observed, drawn, photographs).p} if photographs else {}))
    return pd.DataFrame(lines)


def gain_by_count(
    truth: Classes,
    with_tasks: Int[np.ndarray, "seeds photos"],
    alone: Int[np.ndarray, "seeds photos"],
    counts: Int[np.ndarray, " classes"],
    resamples: int = 1000,
) -> dict[str, float]:
    """Is a gain in F1 largest where training examples are few? Its slope over the decimal logarithm of the count.

    Args:
        truth: disease of each photo.
        with_tasks, alone: answers of two rows, the same seeds.
        counts: training photographs of each disease.

    Returns:
        `slope` (F1 per tenfold count; negative: rare diseases gain most) with `slope_low` and `slope_high`, 95 % over
        photographs and seeds, and `slope_p` of its being zero; `seeds`.
    """
    draws, x = patient_draws(range(len(truth)), resamples), np.log10(np.maximum(counts, 1))
    centred = x - x.mean()
    weights, drawn, observed = centred / (centred @ centred), [], []
    for pair in zip(with_tasks, alone, strict=True):
        (f1, usual), (base, usual_base) = (_drawn_and_usual(truth, answer, len(counts), draws) for answer in pair)
        drawn.append(weights @ (f1 - base))
        observed.append(float(weights @ (usual - usual_base)))
    low, high = percentile_interval(two_level(np.stack(drawn), observed))
    slope = {"slope": float(np.mean(observed)), "slope_low": low, "slope_high": high}
    return slope | {"slope_p": drawn_test(observed, np.stack(drawn), len(truth)).p, "seeds": len(observed)}


def answers_of(frame: pd.DataFrame, row: str) -> Int[np.ndarray, "seeds photos"]:
    """The answers of a row, a line a seed: columns `row/seed` of a frame in their order."""
    names = [name for name in frame.columns if name.rsplit("/", 1)[0] == row]
    if not names:
        raise ValueError(f"no answers of {row!r}; there are: {', '.join(rows_of(frame))}")
    return frame[names].to_numpy(np.int64).T


def rows_of(frame: pd.DataFrame) -> list[str]:
    """Names of the rows that have answers in a frame."""
    return list(dict.fromkeys(name.rsplit("/", 1)[0] for name in frame.columns if "/" in name))


def table_of_parts(
    frame: pd.DataFrame, part: np.ndarray, labels: Mapping[str, str], resamples: int = 1000
) -> pd.DataFrame:
    """`by_part` of every row of a frame with `truth`, with `row`, `label` and `seeds`."""
    truth, tables = frame["truth"].to_numpy(np.int64), []
    for row in rows_of(frame):
        answers = answers_of(frame, row)
        label = labels.get(row, row)
        tables.append(by_part(truth, answers, part, resamples).assign(row=row, label=label, seeds=len(answers)))
    return pd.concat(tables, ignore_index=True)


def gains_of_parts(
    frame: pd.DataFrame, part: np.ndarray, labels: Mapping[str, str], reference: str, resamples: int = 1000
) -> pd.DataFrame:
    """`gain_by_part` over the reference of every other row of a frame with `truth`, with `row`, `label` and `seeds`."""
    truth, base, tables = frame["truth"].to_numpy(np.int64), answers_of(frame, reference), []
    for row in rows_of(frame):
        if row != reference:
            answers = answers_of(frame, row)
            table = gain_by_part(truth, answers, base, part, resamples)
            tables.append(table.assign(row=row, label=labels.get(row, row), seeds=min(len(answers), len(base))))
    return pd.concat(tables, ignore_index=True)
