"""Ink on real photographs, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import CANNOT_TELL, Estimate, estimate

Line = Mapping[str, Any]


def detector(table: Sequence[Line]) -> pd.DataFrame:
    """`ink_study.detector_table`."""
    return pd.DataFrame(
        {"on drawn close-ups": line["what"], "of": line["photographs"], "share, % (95 %)": _share(line)}
        for line in table
    )


def ink_counts(table: Sequence[Line]) -> pd.DataFrame:
    """`ink_study.ink_counts`."""
    return pd.DataFrame(
        {
            "disease": line["disease"],
            "photographs": line["photographs"],
            "with ink": line["inked"],
            "share, % (95 %)": _share(line),
        }
        for line in table
    )


def _share(line: Line) -> str:
    low, high = (float("nan") if line[end] is None else line[end] for end in ("low", "high"))
    return Estimate(line["share"], low, high).percent()


def real_errors(models: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`ink_study.error_rates` of several models."""
    return pd.DataFrame(
        {
            "model": labels[model["row"]],
            "wrong with ink, %": estimate(model["errors"], "with").percent(),
            "wrong without ink, %": estimate(model["errors"], "without").percent(),
            "difference, points (95 %)": estimate(model["errors"], "difference").points(),
            "with ink": estimate(model["errors"], "difference").verdict(),
        }
        for model in models
    )


def real_flips(models: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`ink_study.flip_rates` of several models."""
    return pd.DataFrame(
        {
            "model": labels[model["row"]],
            "photographs with ink": model["flips"]["photographs"],
            "flipped by painting ink over, %": estimate(model["flips"], "ink").percent(),
            "by painting elsewhere, %": estimate(model["flips"], "elsewhere").percent(),
            "difference, points (95 %)": estimate(model["flips"], "difference").points(),
            "moved by the ink": estimate(model["flips"], "difference").verdict(("more", "less", CANNOT_TELL)),
            "lost / gained, %": f"{100 * model['flips']['lost']:.1f} / {100 * model['flips']['gained']:.1f}",
        }
        for model in models
    )
