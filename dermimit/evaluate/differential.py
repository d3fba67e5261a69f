"""The disease probabilities of one run on one split, and how often the truth is among the first k answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from dermimit.data.label_space import LabelSpace


@dataclass(frozen=True)
class Differential:
    """Probabilities of the diseases for each photo with a known disease.

    Attributes:
        truth: class index.
        probability: as stored; rows sum to 1 but for rounding.
        patients, skin: patient and Fitzpatrick skin type of each photo, missing where not recorded.
    """

    truth: Int[np.ndarray, " photos"]
    probability: Float[np.ndarray, "photos classes"]
    patients: pd.Series
    skin: pd.Series

    @property
    def confidence(self) -> Float[np.ndarray, " photos"]:
        """Probability of the answer, which is the most probable disease."""
        return self.probability.max(axis=1)

    @property
    def right(self) -> np.ndarray:
        """Whether the answer is the truth."""
        return self.probability.argmax(axis=1) == self.truth

    def among(self, rows: np.ndarray) -> Differential:
        """The photos `rows` (numbers or a mask) alone."""
        patients, skin = (part[rows].reset_index(drop=True) for part in (self.patients, self.skin))
        return Differential(self.truth[rows], self.probability[rows], patients, skin)


def differential(predictions: pd.DataFrame, label_space: LabelSpace, split: str = "test") -> Differential:
    """Take the disease probabilities of one split out of a run's predictions.

    Args:
        predictions: a run's `predictions.parquet`.
        label_space: the order of the probabilities.
        split: test or val; published records hold the test split only.
    Raises:
        ValueError: no photo of the split has a known disease, or the label space is another one.
    """
    rows = predictions[(predictions["split"] == split) & predictions["disease"].notna()]
    if rows.empty:
        held = ", ".join(sorted(set(predictions["split"]))) or "nothing"
        raise ValueError(f"no photo of split {split!r} with a disease: the predictions hold {held}.")
    place = {name: i for i, name in enumerate(label_space.diseases)}
    probability = np.stack(rows["disease_prob"].to_list()).astype(np.float64)
    unknown = sorted(set(rows["disease"]) - set(place))
    if unknown or probability.shape[1] != len(place):
        found = f"disease {unknown[0]!r}" if unknown else f"{probability.shape[1]} probabilities a photo"
        raise ValueError(f"{found}, but {label_space.name} has {len(place)} diseases: read the run's label_space.json.")
    truth = np.array([place[name] for name in rows["disease"]])
    rows = rows.reset_index(drop=True)
    return Differential(truth, probability, rows["patient_id"], rows["fitzpatrick"])
