"""One lesion on six skins, and what the shipped model predicts of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.data.skin import FITZPATRICK
from dermimit.data.synderm import SynDerm
from dermimit.explore.onnx_model import OnnxModel
from studies.shared.worked_case import INDEX, MODEL_SIZE, REGIME, SEED


@dataclass(frozen=True)
class OnSkin:
    """The lesion on one skin.

    Args:
        kind: Fitzpatrick type, I to VI.
        picture: uint8 (S, S, 3), for people.
        top: disease -> probability, the most probable first.
        true: the disease that it is.
    """

    kind: str
    picture: np.ndarray
    top: pd.Series
    true: str


def on_six_skins(model: Path, size: int = 256, top: int = 3) -> list[OnSkin]:
    """The case that the book follows, on every skin type, with everything but the skin as it was.

    Args:
        model: what the page Explore runs: model.onnx, its model.json beside it.
        size: side of the pictures for people; the model sees 64 pixels.
        top: how many diseases.
    """
    predict = OnnxModel(model)
    small, large = (SynDerm(INDEX + 1, seed=SEED, image_size=side, regime=REGIME) for side in (MODEL_SIZE, size))
    found = []
    for number, kind in enumerate(FITZPATRICK, 1):
        seen = predict(small.counterfactual(INDEX, fitzpatrick=number).image)
        picture = large.counterfactual(INDEX, fitzpatrick=number).image
        found.append(OnSkin(kind, picture, seen.answers["disease"].head(top), small.labels(INDEX).disease))
    return found
