"""The reliability diagram: how often answers of a stated probability are right."""

import numpy as np
import pandas as pd

from dermimit.evaluate.calibration import BINS, ece_floor, reliability
from dermimit.evaluate.differential import Differential
from dermimit.evaluate.estimate import Estimate
from dermimit.evaluate.metrics import expected_calibration_error
from dermimit.evaluate.ranking import interval
from dermimit.evaluate.shares import share_of
from dermimit.report.answers import OneOf
from dermimit.report.chart import Chart
from dermimit.report.draws import draws_of
from dermimit.report.markup import Markup, bullets, el, percent, table
from dermimit.report.words import TASK_LABELS


def reliability_part(answers: OneOf) -> Markup:
    """Diagram, ECE with the floor that chance gives, and whether the answers are too sure."""
    bins = _by_patient(reliability(_as_differential(answers)).dropna(), answers)
    error, floor = expected_calibration_error(answers.right, answers.confidence), ece_floor(answers.confidence)
    texts = [
        f"The expected calibration error (ECE, {BINS} bins) is {percent(error)}. A perfectly calibrated model with "
        f"these confidences would have {percent(floor)} on average on so many photographs.",
        _sureness(answers),
    ]
    label = TASK_LABELS[answers.task]
    return el(
        "div",
        el("h3", label.capitalize()),
        bullets(texts),
        el("div", _diagram(bins, label), _bins(bins, label), class_="charts"),
    )


def over_confidence(answers: OneOf) -> Estimate:
    """Mean confidence minus accuracy, with its bootstrap interval; none where all are right, or none is."""
    gap = answers.confidence - answers.right
    mean = float(gap.mean())
    if answers.right.all() or not answers.right.any():
        return Estimate(mean, np.nan, np.nan)
    return interval(mean, draws_of(answers.rows).means(gap[:, None])[0])


def _sureness(answers: OneOf) -> str:
    gap = over_confidence(answers)
    mean, right = percent(float(answers.confidence.mean())), percent(float(answers.right.mean()))
    first = f"The predictions state a probability of {mean} on average, and {right} of them are correct: "
    how = f"a difference of {gap.points()} points"
    verdict = gap.verdict(
        ("the model is overconfident", "the model is underconfident", "the interval includes no difference")
    )
    return f"{first}{how}" + (f"; {verdict}." if gap.low == gap.low else ".")


def _as_differential(answers: OneOf) -> Differential:
    """What `reliability` reads: the answer's probability first, the truth first where it is right."""
    probability = np.stack([answers.confidence, np.zeros(len(answers.truth))], axis=1)
    none = pd.Series([None] * len(answers.truth), dtype=object)
    return Differential((~answers.right).astype(np.int64), probability, none, none)


def _by_patient(bins: pd.DataFrame, answers: OneOf) -> pd.DataFrame:
    """The bins with intervals by patient, as all others of the page."""
    which, draws = np.minimum((answers.confidence * BINS).astype(int), BINS - 1), draws_of(answers.rows)
    found = [share_of(answers.right, which == b, draws) for b in bins.index]
    return bins.assign(low=[one.low for one in found], high=[one.high for one in found])


def _diagram(bins: pd.DataFrame, label: str) -> Markup:
    chart = Chart(
        f"Reliability of {label} (dashed: perfectly calibrated)",
        (0, 100),
        (0, 100),
        "stated probability, %",
        "correct predictions, %",
    )
    chart.line([0, 100], [0, 100], "grey", dashed=True)
    for b in bins.itertuples():
        x = 100 * b.confidence
        chart.line([x, x], [100 * b.low, 100 * b.high], "blue")
        chart.point(x, 100 * b.accuracy, "blue", 3 + 5 * (b.photos / bins["photos"].max()) ** 0.5)
    return chart.svg()


def _bins(bins: pd.DataFrame, label: str) -> Markup:
    rows = [
        [
            f"{100 * b.start:.0f} to {100 * b.end:.0f}",
            f"{b.photos:,}",
            f"{100 * b.confidence:.1f}",
            Estimate(b.accuracy, b.low, b.high).percent(),
        ]
        for b in bins.itertuples()
    ]
    heads = ["probability, %", "photographs", "mean, %", "right, %"]
    return table(f"Reliability of {label}: the points of the diagram", heads, rows, numbers=(1, 2, 3))
