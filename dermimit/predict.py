"""What a trained run says of a photograph: ranked differential, body part, attributes, selected patches."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dermimit.data.photos import read_photo
from dermimit.data.transforms import CentralView, eval_transform
from dermimit.evaluate.predictions import probabilities
from dermimit.train.run import Run

DISCLAIMER = "Research tool, not a medical device: do not use it to diagnose or to treat anyone."


@dataclass(frozen=True)
class Prediction:
    """The answer for one photograph.

    Attributes:
        photo: what the model saw, uint8 (H, W, 3).
        answers: task -> probabilities in [0, 1] indexed by class, most probable first; those of the attributes are
            independent of each other, the others sum to 1.
        selected: task -> (K,) row-major patch indices, best first; empty without lesion selection.
        grid: patches down and across.
    """

    photo: np.ndarray
    answers: dict[str, pd.Series]
    selected: dict[str, np.ndarray]
    grid: tuple[int, int]


@torch.inference_mode()
def predict_photo(run: Run, path: Path | str) -> Prediction:
    """The run's answer for one photograph, of any size.

    Raises:
        PhotoError: the file cannot be read.
    """
    photo = read_photo(path)
    size = run.config.image_size
    logits, out = run.model(eval_transform(size)(photo)[None])
    answers = {
        task: pd.Series(probabilities(task, z)[0].float().numpy(), index=list(run.label_space.classes(task)))
        for task, z in logits.items()
    }
    selected = {name.split("/")[0]: value[0].numpy() for name, value in out.items() if name.endswith("/selected")}
    return Prediction(
        photo=CentralView(size)(photo).permute(1, 2, 0).numpy(),
        answers={task: series.sort_values(ascending=False) for task, series in answers.items()},
        selected=selected,
        grid=tuple(run.model.grid_size),
    )


def describe(prediction: Prediction, top: int = 5) -> str:
    """The answer as text: the differential, the body part, and the attributes from a probability of one half."""
    lines = []
    if "disease" in prediction.answers:
        lines.append("differential")
        for rank, (name, p) in enumerate(prediction.answers["disease"].head(top).items(), start=1):
            lines.append(f"  {rank}. {name:<32} {p:6.1%}")
    if "body_part" in prediction.answers:
        lines.append("body part")
        lines += [f"     {name:<32} {p:6.1%}" for name, p in prediction.answers["body_part"].head(2).items()]
    if "attributes" in prediction.answers:
        found = prediction.answers["attributes"]
        shown = found[found >= 0.5] if (found >= 0.5).any() else found.head(1)
        lines.append("attributes")
        lines += [f"     {name:<32} {p:6.1%}" for name, p in shown.items()]
    return "\n".join(lines)
