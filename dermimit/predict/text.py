"""An answer as text."""

import pandas as pd

from dermimit.prediction import Prediction
from dermimit.shown import shown


def describe(prediction: Prediction, top: int = 5) -> str:
    """The answer as text: the differential, the two most likely body parts, the attributes from one half.

    Where a photograph may show several body parts, they are listed as the attributes are.
    """
    lines = []
    if "disease" in prediction.answers:
        lines.append("differential")
        for rank, (name, p) in enumerate(prediction.answers["disease"].head(top).items(), start=1):
            lines.append(f"  {rank}. {shown(name):<32} {p:6.1%}")
    for task, title in (("body_part", "body part"), ("attributes", "attributes")):
        if task in prediction.answers:
            series = prediction.answers[task]
            told = _found(series) if task in prediction.multi_label else series.head(2)
            lines += [title, *(f"     {shown(name):<32} {p:6.1%}" for name, p in told.items())]
    return "\n".join(lines)


def _found(series: pd.Series) -> pd.Series:
    """The classes from a probability of one half, or the most likely where none reaches it."""
    return series[series >= 0.5] if (series >= 0.5).any() else series.head(1)
