"""What a trained run says of a photograph: ranked differential, body part, attributes, selected patches."""

from pathlib import Path

import pandas as pd
import torch

from dermimit.data.photos import read_photo
from dermimit.data.transforms import CentralView, eval_transform, least_side
from dermimit.evaluate.predictions import probabilities
from dermimit.prediction import Prediction
from dermimit.train.run import Run


@torch.inference_mode()
def predict_photo(run: Run, path: Path | str) -> Prediction:
    """The run's answer for one photograph, of any size.

    Raises:
        PhotoError: the file cannot be read.
    """
    size = run.config.image_size
    photo = read_photo(path, least_side(size))
    logits, out = run.model(eval_transform(size)(photo)[None])
    space = run.label_space
    multi_label = tuple(task for task in logits if space.multi_label(task))
    answers = {
        task: pd.Series(probabilities(z, task in multi_label)[0].float().numpy(), index=list(space.classes(task)))
        for task, z in logits.items()
    }
    selected = {name.split("/")[0]: value[0].numpy() for name, value in out.items() if name.endswith("/selected")}
    return Prediction(
        photo=CentralView(size)(photo).permute(1, 2, 0).numpy(),
        answers={task: series.sort_values(ascending=False) for task, series in answers.items()},
        selected=selected,
        grid=tuple(run.model.grid_size),
        multi_label=multi_label,
    )


def describe(prediction: Prediction, top: int = 5) -> str:
    """The answer as text: the differential, the two likeliest body parts, the attributes from one half.

    Where a photograph may show several body parts, they are listed as the attributes are.
    """
    lines = []
    if "disease" in prediction.answers:
        lines.append("differential")
        for rank, (name, p) in enumerate(prediction.answers["disease"].head(top).items(), start=1):
            lines.append(f"  {rank}. {name:<32} {p:6.1%}")
    for task, title in (("body_part", "body part"), ("attributes", "attributes")):
        if task in prediction.answers:
            series = prediction.answers[task]
            shown = _found(series) if task in prediction.multi_label else series.head(2)
            lines += [title, *(f"     {name:<32} {p:6.1%}" for name, p in shown.items())]
    return "\n".join(lines)


def _found(series: pd.Series) -> pd.Series:
    """The classes from a probability of one half, or the likeliest where none reaches it."""
    return series[series >= 0.5] if (series >= 0.5).any() else series.head(1)
